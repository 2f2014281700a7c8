// deploy/kubernetes/puna.yaml against Kubernetes' own schemas, from its OpenAPI description, and against the program.

import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {test} from 'node:test';
import {parseAllDocuments} from 'yaml';
import {root, run, serve} from '../e2e/support.mjs';

const documents = parseAllDocuments(readFileSync(`${root}/deploy/kubernetes/puna.yaml`, 'utf8'), {merge: true})
  .map(document => {
    assert.deepEqual(document.errors, []);
    return document.toJS();
  });
const only = kind => documents.find(document => document.kind === kind);

async function validate(document) {
  const {[document.kind]: Model} = await import(`kubernetes-models/${document.apiVersion}`);
  new Model(document).validate();
}

for (const document of documents)
  test(`${document.kind} is what Kubernetes' schema says`, () => validate(document));

test('the schemas find mistakes', async () => {
  const deployment = structuredClone(only('Deployment'));
  deployment.spec.template.spec.containers[0].ports[0].containerPort = 'many';
  await assert.rejects(validate(deployment), /containerPort/);
  delete deployment.spec.selector;
  await assert.rejects(validate(deployment), /selector/);
});

const pod = only('Deployment').spec.template.spec;
const [container] = pod.containers;
const variables = Object.fromEntries(container.env.map(({name, value}) => [name, value]));

test('a pod that ends has the time that its server takes', () => {
  const needed = Number(variables.PUNA_DRAIN_DELAY) + Number(variables.PUNA_DRAIN);
  assert.ok(pod.terminationGracePeriodSeconds > needed);
});

test('the variables are options of the server', async () => {
  const {stdout} = await run(['serve', '--help']);
  for (const name of Object.keys(variables)) assert.ok(stdout.includes(`Env:${name})`), name);
});

test('the autoscaler and the services mean this deployment, and the metric is there', async () => {
  const labels = only('Deployment').spec.template.metadata.labels;
  assert.deepEqual(only('Service').spec.selector, labels);
  assert.deepEqual(only('PodDisruptionBudget').spec.selector.matchLabels, labels);
  const autoscaler = only('HorizontalPodAutoscaler').spec;
  assert.equal(autoscaler.scaleTargetRef.name, only('Deployment').metadata.name);
  const server = await serve();
  try {
    const metrics = await (await fetch(server.url + '/metrics')).text();
    assert.match(metrics, new RegExp(`^${autoscaler.metrics[0].pods.metric.name} 0$`, 'm'));
    assert.equal((await fetch(server.url + container.readinessProbe.httpGet.path)).status, 200);
  } finally {
    assert.equal(await server.stop(), 0);
  }
});

test('the container may not change anything', () => {
  assert.equal(pod.securityContext.runAsNonRoot, true);
  assert.deepEqual(container.securityContext, {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true,
                                               capabilities: {drop: ['ALL']}});
  assert.ok(container.volumeMounts.every(({readOnly}) => readOnly));
});
