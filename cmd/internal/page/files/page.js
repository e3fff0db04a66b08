// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

import { amount, figures, share, ago, percent, count } from './format.js';
import { List } from './list.js';

const view = document.getElementById('view');
const state = document.getElementById('state');
const problem = document.getElementById('problem');

// element makes an element; children are elements or text, never markup: names are what tenants wrote.
function element(tag, attributes = {}, ...children) {
  const e = tag === 'svg' || tag === 'rect' ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) e.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null) e.setAttribute(name, value);
  }
  e.append(...children.filter((c) => c !== undefined && c !== null));
  return e;
}

const cell = (v) => element('td', {}, v);
const head = (...texts) => element('thead', {}, element('tr', {}, ...texts.map((t) => element('th', { scope: 'col' }, t))));
const table = (top, rows) => element('div', { class: 'wide' }, element('table', {}, top, element('tbody', {}, ...rows)));

// api is where this page asks, relative to itself. A scheduler serves it beside what it asks, and remembers no past.
const { api, seconds } = document.documentElement.dataset;
const remembers = api === 'api/';

async function ask(path) {
  const response = await fetch(api + path);
  if (!response.ok) throw new Error((await response.text()).trim());
  return response.json();
}

function tell(error) {
  problem.hidden = !error;
  problem.textContent = error || '';
}

// ---- nodes

const orders = {
  name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }),
  used: (a, b) => share(b[resource()].used ?? -1, b[resource()].allocatable) - share(a[resource()].used ?? -1, a[resource()].allocatable),
  requested: (a, b) => share(b[resource()].requested, b[resource()].allocatable) - share(a[resource()].requested, a[resource()].allocatable),
  predicted: (a, b) => share(b[resource()].day.upper, b[resource()].allocatable) - share(a[resource()].day.upper, a[resource()].allocatable),
};
const shown = { order: 'predicted', resource: 'cpu', hours: 'day', search: '' };
const resource = () => shown.resource;

function bar(r, range) {
  // What passes the node's size is cut at its end; the figures say by how much.
  const at = (v) => Math.max(0, Math.min(1, share(v, r.allocatable))) * 1000;
  const svg = element('svg', { class: 'bar', viewBox: '0 0 1000 22', preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  const rect = (name, x, width, y, height) => svg.append(element('rect', { class: name, x, width: Math.max(0, width), y, height }));
  rect('ground', 0, 1000, 3, 16);
  rect('range', at(range.lower), Math.max(3, at(range.upper) - at(range.lower)), 3, 16);
  if (r.used !== undefined) rect('used', 0, at(r.used), 7, 8);
  rect('requested', Math.max(0, at(r.requested) - 2), 4, 0, 22);
  return svg;
}

function heatOf(shares) {
  const canvas = element('canvas', { width: 120, height: 22, class: 'heat', 'aria-hidden': 'true' });
  const pen = canvas.getContext('2d');
  for (let i = 0; i < shares.length; i++) {
    if (shares[i] === 255) continue;
    const full = shares[i] / 250;
    pen.fillStyle = `hsl(${Math.round(220 - 220 * full)} 75% 50%)`;
    pen.fillRect(120 - shares.length + i, 22 - 22 * Math.max(full, .05), 1, 22);
  }
  return canvas;
}

function nodeRow(n, heat) {
  const r = n[resource()], range = r[shown.hours], unit = resource();
  const use = `${r.used === undefined ? 'unknown' : amount(unit, r.used)} used, ${amount(unit, range.lower)}–${amount(unit, range.upper)} predicted`;
  const of = `${amount(unit, r.requested)} of ${amount(unit, r.allocatable)} requested`;
  const row = element('div', { class: 'row node', role: 'listitem', tabindex: -1 },
    element('span', {}, nodeLink(n.name), element('span', { class: 'soft small' }, '  ' + count(n.pods, 'pod'))),
    element('span', { class: 'plot' }, bar(r, range)),
    element('span', { class: 'use small' + (range.upper > r.allocatable ? ' bad' : '') }, use),
    element('span', { class: 'small soft' }, of),
    resource() === 'cpu' && heat ? heatOf(heat) : element('span', { class: 'small soft heat' }, n.rung));
  row.title = `${n.name}: ${of}, ${use}; forecast ${n.rung}${n.ageSeconds < 0 ? '' : `, newest sample ${ago(n.ageSeconds)} old`}`;
  return row;
}

const nodeLink = (name) => element('a', { href: '#nodes/' + encodeURIComponent(name) }, name);

function decode(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

// kept readings of how full nodes were, a byte each as in heat, for where the server does not remember them: while this page is open.
let kept = {};
function keep(nodes) {
  const byte = (r) => (r.used === undefined ? 255 : Math.round(250 * Math.min(1, share(r.used, r.allocatable))));
  kept = Object.fromEntries(nodes.map((n) => [n.name, [...(kept[n.name] || []), byte(n.cpu)].slice(-120)]));
}

function choice(label, name, options, changed) {
  const select = element('select', { id: 'choose-' + name, onchange: () => { shown[name] = select.value; changed(); } },
    ...Object.entries(options).map(([value, text]) => {
      const option = element('option', { value }, text);
      option.selected = shown[name] === value;
      return option;
    }));
  return element('span', {}, element('label', { for: 'choose-' + name }, label + ' '), select);
}

// meaning of where a forecast comes from.
const meaning = {
  fresh: 'recent samples', stale: 'samples that have grown old: intervals are wider', profile: 'what the node did at this hour in past weeks',
  requests: 'nothing is known: what pods request',
};

// held is the share of a node's hours that stayed below the upper bound, or undefined.
const hoursOf = (h) => (h ? h.within + h.above + h.below : 0);
const held = (h) => (hoursOf(h) ? (h.within + h.below) / hoursOf(h) : undefined);

// nodeView is one node, by its name as it stands in the address: its figures, how its forecasts came out, and the last hours that they missed.
function nodeView(name) {
  return async () => {
    const answer = await ask('nodes?' + new URLSearchParams({ node: decodeURIComponent(name), misses: true }));
    tell(answer.problem);
    const n = answer.nodes[0];
    const promised = Object.fromEntries((answer.realised || []).map((r) => [r.resource, r.promised]));
    state.textContent = `read ${new Date(answer.time).toLocaleTimeString()}`;
    const range = (unit, r) => `${amount(unit, r.lower)}–${amount(unit, r.upper)}`;
    const rows = ['cpu', 'memory'].map((unit) => {
      const r = n[unit], h = r.hours;
      return element('tr', {}, element('th', { scope: 'row' }, unit), cell(amount(unit, r.allocatable)), cell(amount(unit, r.requested)),
        cell(r.used === undefined ? 'unknown' : amount(unit, r.used)), cell(amount(unit, r.expected)), cell(range(unit, r.hour)), cell(range(unit, r.day)),
        cell(hoursOf(h) ? `${percent(held(h))} of ${hoursOf(h)} h` : 'no hour is over yet'), cell(promised[unit] ? percent(promised[unit]) : ''));
    });
    const misses = (n.misses || []).map((m) => {
      const off = m.came > m.forecast.upper ? `${amount(m.resource, m.came - m.forecast.upper)} above` : `${amount(m.resource, m.forecast.lower - m.came)} below`;
      return element('tr', {}, element('th', { scope: 'row' }, new Date(m.begin).toLocaleString()), cell(m.resource), cell(range(m.resource, m.forecast)),
        element('td', { class: m.came > m.forecast.upper ? 'bad' : undefined }, amount(m.resource, m.came)), cell(off));
    });
    view.replaceChildren(
      element('p', {}, element('a', { href: '#nodes' }, 'All nodes')),
      element('h2', {}, n.name),
      table(head('Resource', 'Allocatable', `Requested by ${count(n.pods, 'pod')}`, 'Used', 'Expected', 'Peak within 1 h', 'Peak within 24 h', 'Hours below the upper bound', 'Promised'), rows),
      element('p', { class: 'soft small' }, `Where the forecast comes from: ${meaning[n.rung]}${n.ageSeconds < 0 ? '' : `; the newest one is ${ago(n.ageSeconds)} old`}.`),
      element('h2', {}, 'The last hours that did not come out as forecast'),
      misses.length ? table(head('From', 'Resource', 'Predicted peak', 'Came to', ''), misses) : element('p', { class: 'empty' }, 'None is remembered.'));
  };
}

function nodesView(name) {
  if (name) return nodeView(name);
  let answer, heat = {};
  const counted = element('span', { class: 'soft small', role: 'status' });
  const list = new List('Nodes', (n) => nodeRow(n, remembers ? heat[n.name] && decode(heat[n.name]) : kept[n.name]));
  const draw = () => {
    if (!answer) return;
    const wanted = shown.search.toLowerCase();
    const rows = answer.nodes.filter((n) => n.name.toLowerCase().includes(wanted)).sort(orders[shown.order]);
    counted.textContent = `${rows.length} of ${answer.nodes.length} nodes`;
    list.show(rows);
  };
  const search = element('input', { type: 'search', id: 'search', placeholder: 'part of a name', oninput: () => { shown.search = search.value; draw(); } });
  search.value = shown.search;
  view.replaceChildren(
    element('div', { class: 'controls' },
      choice('Resource', 'resource', { cpu: 'CPU', memory: 'Memory' }, draw),
      choice('Predicted peak within', 'hours', { hour: '1 hour', day: '24 hours' }, draw),
      choice('Fullest first by', 'order', { predicted: 'predicted', used: 'used', requested: 'requested', name: 'name' }, draw),
      element('span', {}, element('label', { for: 'search' }, 'Find '), search), counted),
    element('ul', { class: 'legend' },
      element('li', {}, element('i', { class: 'used' }), 'used now'),
      element('li', {}, element('i', { class: 'range' }), 'predicted peak, lower to upper bound'),
      element('li', {}, element('i', { class: 'requested' }), 'requested'),
      element('li', { class: 'heat' }, `right: CPU use while this page was ${remembers ? 'served' : 'open'}`)),
    list.element);
  return async () => {
    const [nodes, past] = await Promise.all([ask('nodes'), remembers ? ask('heat') : { cpu: {} }]);
    answer = nodes;
    heat = past.cpu;
    if (!remembers) keep(nodes.nodes);
    tell(nodes.problem);
    state.textContent = `read ${new Date(nodes.time).toLocaleTimeString()}${nodes.blind ? ' · too few nodes have recent samples: requests decide' : ''}`;
    draw();
    document.body.dataset.drawn = Math.round(performance.now());
  };
}

// ---- decisions

const of = (p) => `${p.namespace}/${p.name}`;

function candidates(e, resources) {
  // A plugin that says the same of all nodes tells nothing.
  const said = (c, plugin) => (c.parts || []).find((p) => p.plugin === plugin)?.score ?? 0;
  const feasible = e.candidates.filter((c) => !c.refused);
  const parts = (e.weights || []).filter((w) => feasible.some((c) => said(c, w.plugin) !== said(feasible[0], w.plugin)));
  const short = (name) => name.replace(/^NodeResources|^Predicted|^Pod(?=Topology)/, '');
  const rows = e.candidates.map((c) => {
    const by = Object.fromEntries((c.parts || []).map((p) => [p.plugin, p.score]));
    const p = (c.predicted || []).find((p) => p.resource === 'cpu' && p.hours === 24);
    return element('tr', { class: c.chosen ? 'chosen' : undefined },
      element('th', { scope: 'row' }, c.node + (c.chosen ? ' (chosen)' : '')), element('td', {}, c.refused ? '' : String(c.total)),
      ...parts.map((w) => element('td', {}, by[w.plugin] === undefined ? '' : String(by[w.plugin]))),
      element('td', {}, p ? `${amount('cpu', p.upper)} of ${amount('cpu', p.allocatable)}` : ''),
      element('td', {}, c.refused || c.note || ''));
  });
  return table(head('Node', 'Total', ...parts.map((w) => short(w.plugin)), 'Predicted CPU, 24 h', 'Why not'), rows);
}

function explanation(x) {
  const e = x.evaluation;
  const lines = [];
  const say = (text) => text && lines.push(element('p', {}, text));
  if (x.gone) say('The pod is gone.');
  if (e) say(e.because);
  for (const m of x.moves || []) say(`${new Date(m.time).toLocaleString()}, ${(m.result === 'moved' || m.result === 'packed') && m.successor ? `moved ${m.pod}, in whose place ${m.successor} came` : m.result}: ${m.why}`);
  if (x.stays) say(`Without this pod its node would use ${minutes(x.stays.curesCoreMinutes)} core-minutes less beyond what it runs well at. It is not moved: ${why[x.stays.reason] || x.stays.reason}.`);
  if (!e) {
    say('Nothing is known of how it was decided.');
    return element('div', {}, ...lines);
  }
  if (e.flip) say('It would change: ' + e.flip);
  if (e.stock) say(`kube-scheduler's default profile would choose ${e.stock.node || 'no node'}${e.stock.alike > 1 ? ` (${e.stock.alike} nodes are as good to it)` : ''}.`);
  const since = x.record && x.record.since;
  if (since) say(`Since then the node came to ${amount('cpu', since.nodeCPU)} cores and the pod to ${since.podCPU ? amount('cpu', since.podCPU) : 'no measured'} cores, until ${new Date(since.until).toLocaleTimeString()}.`);
  if (e.now) say('Evaluated now, not at the time of the decision.');
  if (e.refused) say('Refused: ' + e.refused.map((r) => `${r.nodes} × ${r.reason}`).join('; '));
  lines.push(candidates(e));
  (e.lacks || []).forEach((text) => lines.push(element('p', { class: 'soft small' }, 'Not considered: ' + text)));
  return element('div', {}, ...lines);
}

// decisionsView opens the decision on the pod that the address names.
function decisionsView(wantedPod) {
  const list = element('div', {}, element('p', { class: 'empty' }, 'No decision is recorded yet.'));
  const open = new Map();
  view.replaceChildren(element('p', { class: 'soft small' }, 'The newest decisions first. Open one to see why.'), list);
  const item = (d) => {
    const inside = element('div', { class: 'inside' }, 'Asking …');
    const details = element('details', {},
      element('summary', {},
        element('span', {}, of(d.pod)), element('span', {}, d.node ? '→ ' + d.node : 'waits'),
        element('span', { class: 'path small soft' }, d.path === 'index' ? 'by the index' : 'by search'),
        element('span', { class: 'when small soft' }, new Date(d.time).toLocaleTimeString())),
      inside);
    details.addEventListener('toggle', async () => {
      if (!details.open) return;
      try {
        const query = new URLSearchParams({ namespace: d.pod.namespace, pod: d.pod.name });
        inside.replaceChildren(...(d.waits ? [element('p', {}, d.waits)] : []), explanation(await ask('explain?' + query)));
      } catch (error) {
        inside.replaceChildren(element('p', { class: 'bad' }, error.message), ...(d.evaluation ? [explanation({ evaluation: d.evaluation, record: d })] : []));
      }
    });
    if (of(d.pod) === wantedPod) {
      wantedPod = undefined; // The newest one, and once.
      details.open = true;
    }
    return details;
  };
  return async () => {
    const decisions = await ask('decisions?limit=200');
    tell();
    // What is open stays as it is, and where it is: who reads must not have the table taken away.
    const keys = new Set(decisions.map((d) => d.pod.uid + d.time));
    for (const [key, e] of open) if (!keys.has(key) && !e.open) open.delete(key);
    for (const d of decisions) if (!open.has(d.pod.uid + d.time)) open.set(d.pod.uid + d.time, item(d));
    const wanted = decisions.map((d) => open.get(d.pod.uid + d.time));
    if (wanted.length !== list.children.length || wanted.some((e, i) => list.children[i] !== e)) {
      const focused = document.activeElement;
      if (wanted.length) list.replaceChildren(...wanted);
      if (focused && list.contains(focused)) focused.focus({ preventScroll: true });
    }
    state.textContent = `the newest ${count(decisions.length, 'decision')}`;
  };
}

// ---- workloads

function workloadRow(w) {
  return element('div', { class: 'row workload', role: 'listitem', tabindex: -1 },
    element('span', { class: 'name' }, `${w.namespace}/${w.name}`, element('span', { class: 'soft small' }, '  ' + w.kind)),
    element('span', { class: 'small' }, count(w.pods, 'pod')),
    element('span', { class: 'small' }, `requests ${amount('cpu', w.requestedCPU)} cores, ${amount('memory', w.requestedMemory)}`),
    element('span', { class: 'small' }, `${amount('cpu', w.cpu.lower)}–${amount('cpu', w.cpu.upper)} cores, ${amount('memory', w.memory.upper)} predicted`),
    element('span', { class: 'small soft' }, 'from ' + w.rung));
}

function workloadsView() {
  let answer;
  const list = new List('Workloads', workloadRow);
  const draw = () => answer && list.show(answer.workloads.filter((w) => `${w.namespace}/${w.name}`.includes(search.value)));
  const search = element('input', { type: 'search', id: 'search', oninput: draw });
  view.replaceChildren(element('div', { class: 'controls' }, element('label', { for: 'search' }, 'Find'), search,
    element('span', { class: 'soft small' }, 'What one pod requests, and its predicted peak within 24 hours')), list.element);
  return async () => {
    answer = await ask('workloads');
    tell();
    state.textContent = count(answer.workloads.length, 'workload');
    draw();
  };
}

// ---- trust

const leastHours = 24; // of a node, for its share to say something

function trustView() {
  return async () => {
    const nodes = await ask('nodes');
    tell(nodes.problem);
    state.textContent = `read ${new Date(nodes.time).toLocaleTimeString()}`;
    const rungs = {};
    for (const n of nodes.nodes) rungs[n.rung] = (rungs[n.rung] || 0) + 1;
    const realised = (nodes.realised || []).map((r) => {
      const all = r.within + r.above + r.below;
      return element('tr', {}, element('th', { scope: 'row' }, r.resource), element('td', {}, String(all)),
        element('td', {}, percent(r.promised)), element('td', { class: (r.within + r.below) / all < r.promised - .02 ? 'bad' : undefined }, percent((r.within + r.below) / all)),
        element('td', {}, String(r.above)), element('td', {}, String(r.below)));
    });
    const worst = ['cpu', 'memory'].flatMap((unit) => nodes.nodes.filter((n) => hoursOf(n[unit].hours) >= leastHours).map((n) => ({ n, unit, share: held(n[unit].hours) })))
      .filter((w) => w.share < 1).sort((a, b) => a.share - b.share).slice(0, 15).map(({ n, unit, share }) => element('tr', {},
        element('th', { scope: 'row' }, nodeLink(n.name)), cell(unit), cell(String(hoursOf(n[unit].hours))), cell(percent(share)), cell(String(n[unit].hours.above))));
    view.replaceChildren(
      element('h2', {}, 'Did forecasts hold?'),
      realised.length ? table(head('Resource', 'Hours of nodes', 'Promised below the upper bound', 'Came true', 'Above', 'Below the lower bound'), realised) : element('p', { class: 'empty' }, 'No forecast hour is over yet: the first figures come after an hour.'),
      element('h2', {}, 'Nodes whose forecasts held least'),
      worst.length ? table(head('Node', 'Resource', 'Hours', 'Came true', 'Above'), worst) : element('p', { class: 'empty' }, `No node of which ${leastHours} hours are over passed its upper bound.`),
      element('h2', {}, 'Where forecasts of nodes come from'),
      table(head('Forecast', 'Nodes', 'Meaning'), Object.keys(meaning).map((rung) => element('tr', {}, element('th', { scope: 'row' }, rung), cell(String(rungs[rung] || 0)), cell(meaning[rung])))),
      nodes.blind ? element('p', { class: 'bad' }, 'Too few nodes have recent samples: forecasts refuse and score nothing until they do, and requests decide.') : '');
  };
}

// ---- QoS

const service = {
  latency: 'response times are kept', realtime: 'the CPU is there when it is wanted',
  availability: 'no eviction, kill or restart, and the node stays ready', batch: 'the work gets done',
};

function promises(p) {
  return table(head('Objective', 'Means', 'Placed', 'Judged', 'Predicted to lose service', 'Lost it', 'By their own doing'), p.objectives.map((o) => {
    const part = (v) => (o.judged ? `${figures(v)} (${percent(v / o.judged)})` : '');
    // Twice the standard deviation of so many rare events.
    const more = o.violated > o.predicted + 2 * Math.sqrt(Math.max(1, o.predicted));
    return element('tr', {}, element('th', { scope: 'row' }, o.objective), cell(service[o.objective] || ''), cell(String(o.placed)), cell(String(o.judged)),
      cell(part(o.predicted)), element('td', { class: more ? 'bad' : undefined }, part(o.violated)), cell(String(o.own)));
  }));
}

function serviceRow(n, objectives) {
  return element('div', { class: 'row service', role: 'listitem', tabindex: -1 }, element('span', {}, nodeLink(n.name)),
    ...objectives.map((o) => {
      const s = n.service[o];
      return element('span', { class: 'small' + (s.class === 'poor' ? ' bad' : '') }, element('span', { class: 'soft' }, o + ' '), `${s.class} (${percent(s.risk)})`);
    }));
}

function qosView() {
  const wanted = { search: '' };
  let profiles = [];
  const draw = () => profiles.forEach((p) => p.list.show(p.nodes.filter((n) => n.name.includes(wanted.search))));
  return async () => {
    const answer = await ask('qos');
    tell();
    state.textContent = '';
    if (!answer.profiles.length) {
      view.replaceChildren(element('h2', {}, 'No profile predicts the service that pods get'),
        element('p', {}, 'The plugin PredictedQoS predicts it: how likely a pod is to lose its service on a node. No profile of this scheduler has it; docs/reference/plugins/predictedqos.md says how to enable it.'));
      return;
    }
    const same = profiles.length === answer.profiles.length && profiles.every((p, i) => p.profile === answer.profiles[i].profile);
    if (!same) {
      profiles = answer.profiles.map((p) => {
        const objectives = p.objectives.map((o) => o.objective);
        return { profile: p.profile, list: new List('Service on nodes', (n) => serviceRow(n, objectives)), top: element('div'), nodes: [] };
      });
      const search = element('input', { type: 'search', id: 'search', oninput: () => { wanted.search = search.value; draw(); } });
      view.replaceChildren(...profiles.map((p) => p.top), element('h2', {}, 'The service that a typical pod would get'),
        element('div', { class: 'controls' }, element('label', { for: 'search' }, 'Find'), search,
          element('span', { class: 'soft small' }, 'good: a risk below 10 %, fair: below 30 %, poor: more')), ...profiles.map((p) => p.list.element));
    }
    profiles.forEach((p, i) => {
      const now = answer.profiles[i];
      p.nodes = (now.nodes || []).sort(orders.name);
      p.top.replaceChildren(element('h2', {}, `${now.profile}: what pods were predicted to get, and got`), promises(now),
        element('p', { class: 'soft small' }, `Risks are judged by ${now.rung === 'model' ? 'the model' : 'utilisation, since no model counts'}. ${now.scores ? '' : 'No node is scored or refused by them. '}` +
          (now.time ? `Nodes as of ${new Date(now.time).toLocaleTimeString()}.` : 'Nodes are judged when pods are placed: none was yet.')));
    });
    draw();
  };
}

// ---- shadow

const minutes = (v) => (Math.abs(v) >= 100 ? v.toFixed(0) : v.toFixed(1));
const between = (i) => (i ? `${minutes(i[0])} to ${minutes(i[1])}` : '');

function verdict(h) {
  const i = h.hotMinutesGained.sumInterval;
  if (!h.enough || !i) return 'too little was seen to say';
  if (i[0] <= 0 && i[1] >= 0) return 'no difference is shown';
  return i[0] > 0 ? 'ours would have been better' : 'theirs were better';
}

function shadowView() {
  return async () => {
    let r;
    try {
      r = await ask('shadow?workloads=50');
    } catch (error) {
      state.textContent = '';
      view.replaceChildren(element('h2', {}, 'No onlooker answers'),
        element('p', {}, 'An onlooker decides about the pods that another scheduler places, places none, and follows what becomes of both nodes: see docs/use/shadow.md.'),
        element('p', { class: 'soft small' }, error.message));
      return;
    }
    tell();
    state.textContent = `since ${new Date(r.since).toLocaleString()}`;
    const n = (name) => r.results[name] || 0;
    const choice = n('same') + n('as-good') + n('differs') + n('nowhere');
    const part = (v) => (choice ? percent(v / choice) : '');
    const t = r.together;
    const all = [['Node-minutes over 80 % CPU', 'hotMinutes', t.hotMinutesGained], ['Core-minutes beyond 80 %', 'overCoreMinutes', t.overCoreMinutesGained]].map(([name, of, gain]) => element('tr', {},
      element('th', { scope: 'row' }, name), cell(minutes(t.theirs[of])), cell(minutes(t.ours[of])), cell(minutes(gain.sum)), cell(t.enough ? between(gain.sumInterval) : '')));
    const rows = r.horizons.map((h) => element('tr', {}, element('th', { scope: 'row' }, `${h.hours} h`), cell(String(h.pods)), cell(String(h.workloads)),
      cell(minutes(h.theirs.hotMinutes)), cell(minutes(h.theirsWithout.hotMinutes)), cell(minutes(h.ours.hotMinutes)), cell(minutes(h.oursWith.hotMinutes)),
      cell(minutes(h.hotMinutesGained.sum)), cell(h.enough ? between(h.hotMinutesGained.sumInterval) : '')));
    const workloads = (r.workloads || []).map((w) => element('tr', {}, element('th', { scope: 'row' }, `${w.namespace}/${w.name}`), cell(w.kind), cell(String(w.decided)), cell(String(w.differ)),
      cell(minutes(w.gain.hotMinutes)), cell(minutes(w.gain.overCoreMinutes))));
    view.replaceChildren(
      element('h2', {}, `What ${r.profile} would have done with the pods of ${r.schedulers.join(', ')}`),
      table(head('Decided', 'Agrees', 'Differs', 'Would wait', 'No choice'), [element('tr', {}, cell(String(r.counts.decided)), cell(part(n('same') + n('as-good'))), cell(part(n('differs'))), cell(String(n('nowhere'))), cell(String(n('only'))))]),
      element('h2', {}, `All nodes, over ${(t.minutes / 60).toFixed(1)} h, and had it placed all of these pods`),
      table(head('', 'Measured', 'Ours', 'Gain', '95 %'), all),
      element('p', {}, `${verdict(t)[0].toUpperCase()}${verdict(t).slice(1)}.`),
      element('h2', {}, 'Each pod whose node differs by itself: minutes over 80 % CPU. These do not add up'),
      table(head('Within', 'Pods', 'Workloads', 'Their nodes', 'Without it', 'Ours', 'With it', 'Gain', '95 %'), rows),
      element('h2', {}, 'By workload'),
      workloads.length ? table(head('Workload', 'Kind', 'Decided', 'Differ', 'Hot minutes gained', 'Core-minutes gained'), workloads) : element('p', { class: 'empty' }, 'No pod whose node differs was measured yet.'),
      element('p', { class: 'soft small' }, `It took ${minutes(r.cost.cpuSeconds)} s of CPU and ${amount('memory', r.cost.bytes)} of memory.`));
  };
}

// ---- moves

const why = {
  static: 'the kubelet\'s own pod', daemonset: 'of a DaemonSet', job: 'of a Job, or one that does not restart', bare: 'without a controller', deleting: 'being deleted', 'not-running': 'not running',
  'local-data': 'has an emptyDir or hostPath', 'safe-to-evict': 'annotated as not safe to evict', priority: 'of a priority above maxPriority', namespace: 'its namespace is not selected',
  scheduler: 'of another scheduler', unmeasured: 'was never measured', 'too-soon': 'moved a short time ago, or may have been', 'budget-hour': 'enough pods moved within the hour',
  'budget-node': 'enough pods moved from or to the node', 'budget-workload': 'enough pods of its workload moved', 'budget-namespace': 'enough pods of its namespace moved',
  stays: 'the scheduler would put it back', 'no-node': 'it fits nowhere else', back: 'it would go back to a node that it left', gain: 'the gain is too small',
  responders: 'names evictionResponders, whom an eviction would pass by', breaker: 'moves did not bring what they promised', pdb: 'its PodDisruptionBudget allows no eviction', error: 'the eviction failed', awaiting: 'the successor of the last one does not run yet',
  emptying: 'the scheduler would put it on a node that is being emptied',
};

function movesView() {
  return async () => {
    let r;
    try {
      r = await ask('rebalance');
    } catch (error) {
      state.textContent = '';
      view.replaceChildren(element('h2', {}, 'No rebalancer answers'),
        element('p', {}, 'A rebalancer moves pods off nodes that are about to run hot, or says which it would. It is off unless the args of Rebalance say otherwise: see docs/use/rebalance.md.'),
        element('p', { class: 'soft small' }, error.message));
      return;
    }
    tell();
    const looked = new Date(r.time), never = looked.getFullYear() < 1970;
    state.textContent = never ? 'no look yet' : `looked at ${looked.toLocaleTimeString()}`;
    const results = { suggested: 'suggested', moved: 'moved', packed: 'moved to empty its node', pdb: 'refused by a PodDisruptionBudget', error: 'failed' };
    const records = r.records.map((m) => element('tr', {}, cell(new Date(m.time).toLocaleString()), element('th', { scope: 'row' }, `${m.namespace}/${m.pod}`),
      element('td', { class: m.result === 'pdb' || m.result === 'error' ? 'bad' : undefined }, results[m.result] + (m.on ? `: ${m.successor} on ${m.on}` : '')), cell(nodeLink(m.from)), cell(nodeLink(m.to)), cell(minutes(m.gain_core_minutes)),
      cell(m.realised_core_minutes === undefined ? '' : `${minutes(m.realised_core_minutes)} in ${minutes(m.realised_minutes)} min`), cell(m.why)));
    const closest = r.closest.map((m) => element('tr', {}, element('th', { scope: 'row' }, `${m.namespace}/${m.pod}`), cell(nodeLink(m.from)), cell(m.to ? nodeLink(m.to) : ''),
      cell(minutes(m.cures_core_minutes)), cell(m.to ? minutes(m.gain_core_minutes) : ''), cell(why[m.reason] || m.reason)));
    const reasons = Object.entries(r.refused).sort((a, b) => b[1] - a[1]).map(([reason, n]) => element('tr', {}, element('th', { scope: 'row' }, reason), cell(String(n)), cell(why[reason] || '')));
    view.replaceChildren(
      element('h2', {}, r.mode === 'Evict' ? 'Pods are moved' : 'Moves are suggested, and none is made'),
      element('p', {}, never ? 'The leader has not looked at the nodes yet.' : `Within the hours that it looks ahead, nodes are expected to use ${minutes(r.expected_core_minutes)} core-minutes beyond what they run well at.`),
      r.promised_core_minutes > 0 ? element('p', {}, `The last moves promised ${minutes(r.promised_core_minutes)} core-minutes and brought ${minutes(r.realised_core_minutes)}.`) : '',
      r.stopped_until ? element('p', { class: 'bad' }, `Nothing moves until ${new Date(r.stopped_until).toLocaleString()}, since moves did not bring what they promised.`) : '',
      records.length ? table(head('Time', 'Pod', 'Result', 'From', 'To', 'Gain predicted, core-minutes', 'Realised', 'Why'), records) : element('p', { class: 'empty' }, 'No move was found yet.'),
      element('h2', {}, 'Pods that stay, though their going would help their node'),
      closest.length ? table(head('Pod', 'Node', 'Would go to', 'Cures, core-minutes', 'Gain', 'Why it stays'), closest) : element('p', { class: 'empty' }, 'None at the last look.'),
      ...(r.resizes && r.resizes.length ? [element('h2', {}, 'Requests far below use, on nodes that suffer from it'),
        element('p', { class: 'soft small' }, 'Suggested for a pod, by what it is expected to use. Nobody changes requests but the owner.'),
        table(head('Workload', 'Pods', 'CPU request', 'Suggested', 'Such as', 'Node'), r.resizes.map((s) => element('tr', {}, element('th', { scope: 'row' }, s.workload), cell(String(s.pods)),
          cell(figures(s.requested_cores)), cell(figures(s.suggested_cores)), cell(s.pod), cell(nodeLink(s.node)))))] : []),
      element('h2', {}, 'Why pods stay'),
      reasons.length ? table(head('Reason', 'Pods', 'Meaning'), reasons) : element('p', { class: 'empty' }, 'None at the last look.'));
  };
}

// ---- routing

const views = { nodes: nodesView, decisions: decisionsView, workloads: workloadsView, trust: trustView, qos: qosView, moves: movesView, shadow: shadowView };
let turn = 0;

async function go() {
  const [asked, ...rest] = location.hash.slice(1).split('/');
  const name = asked in views ? asked : 'nodes';
  for (const a of document.querySelectorAll('nav a')) {
    if (a.hash === '#' + name) a.setAttribute('aria-current', 'page');
    else a.removeAttribute('aria-current');
  }
  document.title = `Foresight: ${name}`;
  state.textContent = 'reading …';
  const mine = ++turn;
  const refresh = views[name](rest.join('/'));
  while (mine === turn) {
    if (!document.hidden || !document.body.dataset.ready) {
      try {
        await refresh();
        document.body.dataset.ready = name;
      } catch (error) {
        if (mine === turn) tell(error.message);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
  }
}

addEventListener('hashchange', go);
go();
