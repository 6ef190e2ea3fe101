// Answers simulations, one JSON object a line, with the verdict of @cloud-copilot/iam-simulate: "Allowed" or not.
import { createInterface } from 'node:readline';
import { runSimulation } from '@cloud-copilot/iam-simulate';

for await (const line of createInterface({ input: process.stdin })) {
  const found = await runSimulation(JSON.parse(line), {});
  const verdict = found.resultType === 'error' ? `error: ${JSON.stringify(found.errors)}` : found.overallResult;
  process.stdout.write(`${JSON.stringify(verdict)}\n`);
}
