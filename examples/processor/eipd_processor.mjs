// Workers of eipd's stage processor: run(message => message.body.toUpperCase())
import { createInterface } from "node:readline";
import { Console } from "node:console";

export class Invalid extends Error {} // the message cannot be read: it goes to the invalid messages
export class Permanent extends Error {} // trying again cannot mend it: the message becomes a dead letter

// All that an answer may say: new Answer({ body, headers: {…}, send: […], drop: true })
export class Answer { constructor(says) { Object.assign(this, says); } }

// Has work, which may be async, make the new body of each message; undefined leaves it as it was.
export async function run(work) {
  globalThis.console = new Console(process.stderr); // what work prints is no answer
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    const message = JSON.parse(line);
    if ("body_base64" in message) message.body = Buffer.from(message.body_base64, "base64");
    let answer;
    try {
      const made = await work(message);
      answer = { ...(made instanceof Answer ? made : { body: made }), id: message.id, ok: true };
      if (Buffer.isBuffer(answer.body)) { answer.body_base64 = answer.body.toString("base64"); delete answer.body; }
    } catch (e) {
      const kind = e instanceof Invalid ? "invalid" : e instanceof Permanent ? "permanent" : "error";
      if (kind === "error") console.error(e);
      answer = { id: message.id, [kind]: String(e?.message || e) };
    }
    process.stdout.write(JSON.stringify(answer) + "\n");
  }
}
