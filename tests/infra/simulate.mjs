// Asks IAM's simulator: reads {"policies", "requests"} from standard input, writes an answer for each request.
import { runSimulation } from '@cloud-copilot/iam-simulate'
import { readFileSync } from 'node:fs'

const { policies, requests } = JSON.parse(readFileSync(0, 'utf8'))
const answers = []
for (const { role, action, resource, context } of requests) {
  const simulation = {
    request: {
      action,
      principal: `arn:aws:iam::123456789012:role/${role}`,
      resource: { resource, accountId: '123456789012' },
      contextVariables: context,
    },
    identityPolicies: [{ name: role, policy: policies[role] }],
    serviceControlPolicies: [],
    resourceControlPolicies: [],
  }
  const answer = await runSimulation(simulation, {})
  const detail = answer.resultType === 'error' ? JSON.stringify(answer.errors) : ''
  answers.push({ result: answer.resultType === 'error' ? 'error' : answer.overallResult, detail })
}
process.stdout.write(JSON.stringify(answers))
