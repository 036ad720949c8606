"""Pods for nodes: what one looks like, and what its state says about the node. Pure functions."""

from __future__ import annotations

import re
import secrets
import signal
from dataclasses import dataclass
from datetime import datetime

from lightkube.models.core_v1 import (
    Capabilities,
    Container,
    ContainerStatus,
    EmptyDirVolumeSource,
    EnvVar,
    EnvVarSource,
    LocalObjectReference,
    PodSecurityContext,
    PodSpec,
    PodStatus,
    ResourceRequirements,
    SeccompProfile,
    SecretKeySelector,
    SecurityContext,
    Volume,
    VolumeMount,
)
from lightkube.models.meta_v1 import ObjectMeta, OwnerReference
from lightkube.resources.core_v1 import Pod, Secret

from sage_studio.engine.executors.call import NodeCall
from sage_studio.engine.executors.errors import (
    EVICTED,
    IMAGE,
    NOT_STARTED,
    OUT_OF_MEMORY,
    PROCESS_ENDED,
)
from sage_studio.engine.executors.home import ADDRESS_VARIABLE, AUTHORITY_VARIABLE, TOKEN_VARIABLE
from sage_studio.engine.executors.settings import PodSettings
from sage_studio.kernel import SageError

CONTAINER = "node"
MANAGED = {"app.kubernetes.io/managed-by": "sage-studio", "app.kubernetes.io/component": "node"}
RUN_LABEL = "sage-studio/run"
NODE_LABEL = "sage-studio/node"
OWN_MEMORY_MB = 192
_SPARE_S = 300
_PROGRAM = ["python", "-m", "sage_studio.engine.executors.node_process", "--connect"]
_BAD_IMAGE = frozenset({"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"})
_BAD_START = frozenset({"CreateContainerError", "RunContainerError", "StartError"})


def pod_name(call: NodeCall) -> str:
    """Unique, and readable in a list of pods."""
    word = re.sub(r"[^a-z0-9]+", "-", call.node_id.lower()).strip("-")[:30] or "node"
    return f"sage-{word}-{secrets.token_hex(6)}"


def make_pod(name: str, call: NodeCall, settings: PodSettings, address: str) -> Pod:
    """A pod that dials ``address`` and runs one node; its token is in the secret of the same name."""
    container = Container(
        name=CONTAINER,
        image=settings.image,
        command=list(_PROGRAM),
        env=[
            EnvVar(name=ADDRESS_VARIABLE, value=address),
            EnvVar(name="HOME", value="/tmp"),  # noqa: S108 - the pod's own, empty and private
            _from_secret(TOKEN_VARIABLE, name, "token"),
            _from_secret(AUTHORITY_VARIABLE, name, "authority"),
        ],
        resources=_resources(call, settings),
        securityContext=SecurityContext(
            allowPrivilegeEscalation=False,
            readOnlyRootFilesystem=True,
            capabilities=Capabilities(drop=["ALL"]),
        ),
        terminationMessagePolicy="FallbackToLogsOnError",
        volumeMounts=[VolumeMount(name="scratch", mountPath="/tmp")],  # noqa: S108
    )
    spec = PodSpec(
        containers=[container],
        restartPolicy="Never",
        activeDeadlineSeconds=int(call.timeout_s + settings.start_timeout_s + _SPARE_S),
        terminationGracePeriodSeconds=2,
        automountServiceAccountToken=False,
        enableServiceLinks=False,
        serviceAccountName=settings.service_account or None,
        imagePullSecrets=[LocalObjectReference(name=secret) for secret in settings.pull_secrets] or None,
        nodeSelector=dict(settings.node_selector) or None,
        securityContext=PodSecurityContext(
            runAsNonRoot=True,
            runAsUser=settings.user_id,
            seccompProfile=SeccompProfile(type="RuntimeDefault"),
        ),
        volumes=[Volume(name="scratch", emptyDir=EmptyDirVolumeSource())],
    )
    labels = {**MANAGED, RUN_LABEL: _label(call.run_id), NODE_LABEL: _label(call.node_id)}
    metadata = ObjectMeta(name=name, namespace=settings.namespace, labels=labels)
    return Pod(apiVersion="v1", kind="Pod", metadata=metadata, spec=spec)


def make_secret(pod: Pod, *, token: str, authority: str) -> Secret:
    """What the pod shows and whom it trusts; the cluster removes it together with the pod."""
    about = pod.metadata
    assert about is not None
    assert about.name is not None
    assert about.uid is not None
    owner = OwnerReference(apiVersion="v1", kind="Pod", name=about.name, uid=about.uid)
    metadata = ObjectMeta(
        name=about.name, namespace=about.namespace, labels=dict(MANAGED), ownerReferences=[owner]
    )
    data = {"token": token, "authority": authority}
    return Secret(
        apiVersion="v1", kind="Secret", metadata=metadata, stringData=data, type="Opaque", immutable=True
    )


def _from_secret(variable: str, secret: str, key: str) -> EnvVar:
    return EnvVar(name=variable, valueFrom=EnvVarSource(secretKeyRef=SecretKeySelector(name=secret, key=key)))


def memory_limit_mb(call: NodeCall, settings: PodSettings) -> int:
    return (call.needs.memory_mb or settings.memory_mb) + OWN_MEMORY_MB


def _resources(call: NodeCall, settings: PodSettings) -> ResourceRequirements:
    memory = f"{memory_limit_mb(call, settings)}Mi"
    requests = {"cpu": f"{round((call.needs.cpu or settings.cpu) * 1000)}m", "memory": memory}
    limits = {"memory": memory}
    if call.needs.gpu:
        # Extended resources are whole and the same in both places.
        requests[settings.gpu_resource] = limits[settings.gpu_resource] = str(round(call.needs.gpu))
    return ResourceRequirements(requests=dict(requests), limits=dict(limits))


def _label(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)[:63].strip("-_.")


@dataclass(frozen=True, slots=True)
class Verdict:
    """``ended``: why the pod will give no result. ``waits_for``: why it has not begun, in words."""

    ended: SageError | None = None
    waits_for: str = ""


def judge(status: PodStatus | None, *, image: str, limit_mb: int) -> Verdict:
    """What a pod's state means for the node in it."""
    if status is None:
        return Verdict()
    container = next(iter(status.containerStatuses or []), None)
    if reason := _taken_away(status):
        return Verdict(SageError(EVICTED, {"reason": reason}))
    if status.phase in ("Failed", "Succeeded"):
        return Verdict(_ended(container, status, limit_mb))
    waiting = container.state.waiting if container and container.state else None
    if waiting is not None and waiting.reason in _BAD_IMAGE:
        return Verdict(SageError(IMAGE, {"image": image, "reason": waiting.message or waiting.reason or ""}))
    if waiting is not None and waiting.reason in _BAD_START:
        return Verdict(SageError(NOT_STARTED, {"reason": waiting.message or waiting.reason or ""}))
    if waiting is not None and waiting.reason:
        return Verdict(waits_for=waiting.message or waiting.reason)
    return Verdict(waits_for=_unscheduled(status))


def end_of(status: PodStatus | None) -> datetime | None:
    """When the pod's container ended, or None while it has not."""
    container = next(iter(status.containerStatuses or []), None) if status else None
    terminated = container.state.terminated if container and container.state else None
    return terminated.finishedAt if terminated else None


def _taken_away(status: PodStatus) -> str:
    if status.reason in ("Evicted", "Preempted", "Preempting", "NodeLost", "Shutdown", "NodeShutdown"):
        return status.message or status.reason
    for condition in status.conditions or []:
        if condition.type == "DisruptionTarget" and condition.status == "True" and status.phase == "Failed":
            return condition.message or condition.reason or "disruption"
    return ""


def _ended(container: ContainerStatus | None, status: PodStatus, limit_mb: int) -> SageError:
    terminated = container.state.terminated if container and container.state else None
    if terminated is None:
        return SageError(PROCESS_ENDED, {"how": status.reason or status.phase or "it is over"})
    if terminated.reason == "OOMKilled":
        return SageError(OUT_OF_MEMORY, {"limit_mb": limit_mb})
    return SageError(PROCESS_ENDED, {"how": _how(terminated.exitCode)})


def _how(code: int) -> str:
    """Containers tell a signal as 128 and its number."""
    try:
        return f"signal {signal.Signals(code - 128).name}" if code > 128 else f"exit code {code}"
    except ValueError:
        return f"exit code {code}"


def _unscheduled(status: PodStatus) -> str:
    for condition in status.conditions or []:
        if condition.type == "PodScheduled" and condition.status == "False":
            return condition.message or condition.reason or "it is not scheduled"
    return ""
