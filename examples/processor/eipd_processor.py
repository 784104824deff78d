"""Workers of eipd's stage processor: run(lambda message: message["body"].upper())"""
import base64, json, sys, traceback

class Invalid(Exception): "The message cannot be read: it goes to the invalid messages."
class Permanent(Exception): "Trying again cannot mend it: the message becomes a dead letter."
class Answer(dict): "All that an answer may say: Answer(body=…, headers={…}, send=[…], drop=True)"

def run(work):
    """Has work make the new body of each message; None leaves it as it was."""
    out, sys.stdout = sys.stdout, sys.stderr  # what work prints is no answer
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if "body_base64" in message:
            message["body"] = base64.b64decode(message["body_base64"])
        try:
            made = work(message)
            answer = made if isinstance(made, Answer) else Answer() if made is None else Answer(body=made)
            for part in [answer, *answer.get("send", [])]:
                if isinstance(part.get("body"), bytes):
                    part["body_base64"] = base64.b64encode(part.pop("body")).decode()
            reply = json.dumps({**answer, "id": message["id"], "ok": True}, allow_nan=False)
        except Exception as e:
            kind = "invalid" if isinstance(e, Invalid) else "permanent" if isinstance(e, Permanent) else "error"
            if kind == "error": traceback.print_exc()
            reply = json.dumps({"id": message["id"], kind: str(e) or type(e).__name__})
        print(reply, file=out, flush=True)
