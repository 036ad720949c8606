"""The services behind ``ctx.llm``: Anthropic's and OpenAI's protocols, each through its own SDK.

The SDKs bring no network of their own here: every request leaves through the guarded client, with the
key, the headers and the limits that ``transport`` lets through. They are loaded when first needed,
because that takes seconds and most runs need no model.
"""
