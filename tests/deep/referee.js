// Evaluates requests by @cloud-copilot/iam-simulate: a development tool, never shipped (AGPL).
const { runSimulation } = require("@cloud-copilot/iam-simulate");

let text = "";
process.stdin.on("data", (part) => (text += part)).on("end", async () => {
  const answers = [];
  for (const simulation of JSON.parse(text)) {
    const answer = await runSimulation(simulation, {});
    answers.push(answer.resultType === "error" ? `error: ${answer.errors.message} ${JSON.stringify(answer.errors)}` : answer.overallResult);
  }
  process.stdout.write(JSON.stringify(answers));
});
