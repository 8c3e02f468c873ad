"""Reads a streamed reply with the `openai` package: read_chat.py BASE KEY PATH MESSAGE.

Prints one JSON object: the joined text, the ids and roles of the chunks, the finish reasons, and the error that the
package raised, if it did. The package's own decoder, types and errors do all the reading.
"""

import json
import sys

import openai
from openai.types.chat import ChatCompletionChunk

base, key, path, message = sys.argv[1:]
client = openai.OpenAI(base_url=base, api_key=key, max_retries=0)
seen = {"text": "", "ids": [], "roles": [], "models": [], "finish": [], "error": None}
try:
    stream = client.post(
        path,
        cast_to=ChatCompletionChunk,
        body={"message": message, "stream": True},
        stream=True,
        stream_cls=openai.Stream[ChatCompletionChunk],
    )
    for chunk in stream:
        assert isinstance(chunk, ChatCompletionChunk), chunk
        choice = chunk.choices[0]
        seen["text"] += choice.delta.content or ""
        seen["ids"].append(chunk.id)
        seen["models"].append(chunk.model)
        if choice.delta.role:
            seen["roles"].append(choice.delta.role)
        if choice.finish_reason:
            seen["finish"].append(choice.finish_reason)
except openai.APIError as error:
    seen["error"] = {"kind": type(error).__name__, "message": str(error)}
print(json.dumps(seen))
