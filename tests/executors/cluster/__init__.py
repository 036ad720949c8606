"""A small Kubernetes of our own for tests: an API server that speaks the real protocol for pods and
secrets over HTTP (create, get, list, watch, delete, logs; typed errors; schemas of Kubernetes 1.37), and
a kubelet that runs a pod's command as a process of this machine.

It is not a real API server, and none is to be had where these tests run. What it leaves out: admission,
access rules beyond one token, images (a set of known names stands for the registry), and networks.
"""
