"""A model that always gives its recorded answers: enough of the OpenAI chat API for gpt-engineer, on loopback only.

  python3 recorded_model.py --port 8080 --code answers/benign.md --entrypoint answers/benign-run.md --set HOME=/home/dev

gpt-engineer asks twice: for the code, then for the script that runs it. Which of the two it is stands in the
request, so the answers do not depend on the order or number of the calls. `@NAME@` in an answer becomes the
value given with --set.
"""
import argparse
import http.server
import json
import sys


def answer(path, substitutions):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for name, value in substitutions:
        text = text.replace(f"@{name}@", value)
    return text


def events(model, text):
    """The answer as the API streams it: a role, pieces of text, a reason to stop, the end."""
    deltas = [{"role": "assistant", "content": ""}]
    deltas += [{"content": text[at:at + 400]} for at in range(0, len(text), 400)]
    for delta in deltas:
        yield chunk(model, delta, None)
    yield chunk(model, {}, "stop")
    yield "[DONE]"


def chunk(model, delta, finish):
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return json.dumps({"id": "chatcmpl-recorded", "object": "chat.completion.chunk", "created": 0,
                       "model": model, "choices": [choice]})


class Model(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        request = json.loads(body)
        if self.path != "/v1/chat/completions" or not request.get("stream"):
            self.send_error(404, "only streamed chat completions are recorded")
            return
        which = "entrypoint" if "Information about the codebase" in json.dumps(request["messages"]) else "code"
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for event in events(request["model"], self.server.answers[which]):
            self.wfile.write(f"data: {event}\n\n".encode())

    def log_message(self, *arguments):
        pass


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--code", required=True)
    options.add_argument("--entrypoint", required=True)
    options.add_argument("--set", action="append", default=[])
    given = options.parse_args()
    substitutions = [pair.split("=", 1) for pair in given.set]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", given.port), Model)
    server.answers = {"code": answer(given.code, substitutions),
                      "entrypoint": answer(given.entrypoint, substitutions)}
    print(f"model: listening on 127.0.0.1:{given.port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
