"""A plugin that counts words. See docs/stages/processor.md for what it reads and writes."""
import json, sys

for line in sys.stdin:
    message = json.loads(line)
    answer = {"id": message["id"], "ok": True, "body": len(message["body"].split())}
    print(json.dumps(answer), flush=True)
