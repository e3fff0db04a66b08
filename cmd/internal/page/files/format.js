// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// figures are two decimals at most below 1, one below 100, and none above: as in the commands.
export const figures = (v) => {
  const unit = 10 ** (Math.abs(v) < 1 ? 2 : Math.abs(v) >= 100 ? 0 : 1);
  return String(Math.round(v * unit) / unit);
};

// amount of a resource, without unit for cores.
export function amount(resource, v) {
  if (resource !== 'memory') return figures(v);
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let i = 0;
  for (; Math.abs(v) >= 1024 && i < units.length - 1; i++) v /= 1024;
  return `${figures(v)} ${units[i]}`;
}

export const share = (v, of) => (of > 0 ? v / of : 0);

export const percent = (v) => `${(100 * v).toFixed(1)} %`;

export function ago(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

export const count = (n, what) => `${n} ${what}${n === 1 ? '' : 's'}`;
