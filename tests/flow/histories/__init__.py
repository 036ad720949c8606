"""Random concurrent histories of one document, played by both CRDT libraries through the product's own
operations: browsers are the editor's code on yjs in a Node process, servers ours on pycrdt."""
