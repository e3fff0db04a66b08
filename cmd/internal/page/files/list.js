// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// List draws only the rows that can be seen, so that thousands cost no more than dozens.
export class List {
  constructor(label, draw) {
    this.draw = draw;
    this.rows = [];
    this.at = 0; // the row that the keyboard is on
    this.space = document.createElement('div');
    this.space.className = 'space';
    this.element = document.createElement('div');
    this.element.className = 'list';
    this.element.tabIndex = 0;
    this.element.setAttribute('role', 'list');
    this.element.setAttribute('aria-label', label);
    this.element.append(this.space);
    this.element.addEventListener('scroll', () => requestAnimationFrame(() => this.paint()));
    this.element.addEventListener('keydown', (event) => this.key(event));
    new ResizeObserver(() => this.paint()).observe(this.element);
  }

  show(rows) {
    this.rows = rows;
    this.at = Math.min(this.at, Math.max(0, rows.length - 1));
    this.paint();
  }

  paint() {
    const height = parseInt(getComputedStyle(document.documentElement).getPropertyValue('--row'), 10);
    this.height = height;
    this.space.style.height = `${this.rows.length * height}px`;
    const first = Math.max(0, Math.floor(this.element.scrollTop / height) - 5);
    const last = Math.min(this.rows.length, first + Math.ceil(this.element.clientHeight / height) + 10);
    const focused = this.space.contains(document.activeElement);
    const drawn = [];
    for (let i = first; i < last; i++) {
      const row = this.draw(this.rows[i]);
      row.style.top = `${i * height}px`;
      row.setAttribute('aria-posinset', i + 1);
      row.setAttribute('aria-setsize', this.rows.length);
      row.dataset.index = i;
      drawn.push(row);
    }
    this.space.replaceChildren(...drawn);
    if (focused) this.focus();
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.height) - 1);
    const to = { ArrowDown: this.at + 1, ArrowUp: this.at - 1, PageDown: this.at + page, PageUp: this.at - page, Home: 0, End: this.rows.length - 1 }[event.key];
    if (to === undefined || !this.rows.length) return;
    event.preventDefault();
    this.at = Math.max(0, Math.min(this.rows.length - 1, this.space.contains(document.activeElement) ? to : this.at));
    const top = this.at * this.height;
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    if (top + this.height > this.element.scrollTop + this.element.clientHeight) this.element.scrollTop = top + this.height - this.element.clientHeight;
    this.paint();
    this.focus();
  }

  focus() {
    const row = this.space.querySelector(`[data-index="${this.at}"]`);
    if (row) row.focus({ preventScroll: true });
  }
}
