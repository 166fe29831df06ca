// What a click or a key does on a report. The page is complete without it; nothing here reads or writes anything but this page, its own address after
// the `#`, and the clipboard when asked to.
//
// After the `#` stands either the id of a place on the page, as in any document, or what is filtered and which finding is looked at, as a query:
// #severity=error&rule=DBA101&f=f-9f86d081884c7d65.
'use strict';
(() => {
  const root = document.documentElement;
  const $ = (id) => document.getElementById(id);
  const form = $('filters');
  const severities = [...form.elements.severity];
  const levels = ['possible', 'likely', 'observed', 'proven'];
  const findings = [...document.querySelectorAll('.finding')].map((element) => ({
    element,
    severity: element.dataset.severity,
    level: levels.indexOf(element.dataset.confidence),
    rule: element.dataset.rule,
    name: element.dataset.name,
    tables: element.dataset.tables === '' ? [] : element.dataset.tables.split('\n'),
    text: null,  // what the search looks in; filled by the first search
    shown: true,
  }));
  const byId = new Map(findings.map((finding) => [finding.element.id, finding]));
  const rows = new Map([...document.querySelectorAll('.timeline [data-f]')].map((row) => [row.dataset.f, row]));
  let current = null;  // the finding looked at

  root.classList.add('js');
  if (findings.length === 0) form.hidden = true;

  const say = (text) => { $('said').textContent = text; };

  // --- Filters --------------------------------------------------------------------------------------------------------------------------

  const addOption = (select, value, label) => {
    const option = new Option(label, value);
    option.dataset.label = label;
    select.add(option);
  };
  const distinct = (values) => [...new Set(values)].sort();
  addOption(form.elements.confidence, '', 'any');
  for (const level of levels.slice(1)) addOption(form.elements.confidence, level, level === 'proven' ? level : `${level} or more`);
  addOption(form.elements.rule, '', 'all');
  const names = new Map(findings.map((finding) => [finding.rule, finding.name]));
  for (const code of distinct(names.keys())) addOption(form.elements.rule, code, `${code} ${names.get(code)}`);
  addOption(form.elements.table, '', 'all');
  for (const table of distinct(findings.flatMap((finding) => finding.tables))) addOption(form.elements.table, table, table);

  const wanted = () => ({
    severity: new Set(severities.filter((box) => box.checked).map((box) => box.value)),
    level: Math.max(levels.indexOf(form.elements.confidence.value), 0),
    rule: form.elements.rule.value,
    table: form.elements.table.value,
    words: form.elements.q.value.toLowerCase().split(/\s+/).filter(Boolean),
  });

  const textOf = (finding) => (finding.text ??= finding.element.textContent.toLowerCase());

  /** Which of the filters the finding does not pass; a filter's own count is of those that pass all others. */
  const failed = (finding, want) => {
    const out = [];
    if (!want.severity.has(finding.severity)) out.push('severity');
    if (finding.level < want.level) out.push('confidence');
    if (want.rule !== '' && finding.rule !== want.rule) out.push('rule');
    if (want.table !== '' && !finding.tables.includes(want.table)) out.push('table');
    if (!want.words.every((word) => textOf(finding).includes(word))) out.push('q');
    return out;
  };

  const count = (map, key) => map.set(key, (map.get(key) ?? 0) + 1);

  const apply = () => {
    const want = wanted();
    const counts = { severity: new Map(), confidence: new Map(), rule: new Map(), table: new Map() };
    let shown = 0;
    for (const finding of findings) {
      const fails = failed(finding, want);
      finding.shown = fails.length === 0;
      finding.element.hidden = !finding.shown;
      const row = rows.get(finding.element.id);
      if (row) row.hidden = !finding.shown;
      if (finding.shown) ++shown;
      const passesOthers = (name) => fails.length === 0 || (fails.length === 1 && fails[0] === name);
      if (passesOthers('severity')) count(counts.severity, finding.severity);
      if (passesOthers('confidence')) for (let i = 0; i <= finding.level; ++i) count(counts.confidence, i === 0 ? '' : levels[i]);
      if (passesOthers('rule')) count(counts.rule, finding.rule), count(counts.rule, '');
      if (passesOthers('table')) {
        count(counts.table, '');
        for (const table of new Set(finding.tables)) count(counts.table, table);
      }
    }
    for (const box of severities) {
      const passing = counts.severity.get(box.value) ?? 0;
      box.parentElement.querySelector('output').textContent = passing;
      box.parentElement.classList.toggle('none', passing === 0);
    }
    for (const name of ['confidence', 'rule', 'table']) {
      for (const option of form.elements[name].options) option.textContent = `${option.dataset.label} (${counts[name].get(option.value) ?? 0})`;
    }
    $('count').textContent = `${shown} of ${findings.length} ${findings.length === 1 ? 'finding' : 'findings'} shown`;
    $('none').hidden = shown > 0 || findings.length === 0;
    $('show-all').disabled = shown === findings.length && stateOf().toString() === '';
  };

  // --- The address ----------------------------------------------------------------------------------------------------------------------

  const stateOf = () => {
    const state = new URLSearchParams();
    const checked = severities.filter((box) => box.checked);
    if (checked.length < severities.length) state.set('severity', checked.map((box) => box.value).join(','));
    for (const name of ['confidence', 'rule', 'table', 'q']) {
      if (form.elements[name].value !== '') state.set(name, form.elements[name].value);
    }
    return state;
  };

  const keepState = () => {
    const state = stateOf();
    if (current && current.shown) state.set('f', current.element.id);
    const query = state.toString();
    history.replaceState(null, '', location.href.split('#')[0] + (query === '' ? '' : `#${query}`));
  };

  const setValue = (select, value) => {
    select.value = value;
    if (select.selectedIndex < 0) select.value = '';
  };

  const restore = () => {
    let hash = location.hash.slice(1);
    if (byId.has(hash)) {
      const finding = byId.get(hash);
      if (!finding.shown) form.reset();
      apply();
      go(finding, true);
      return;
    }
    const place = hash === '' ? null : $(hash);
    if (place) {
      if (place.tagName === 'DETAILS') {
        place.open = true;
        place.querySelector('summary').focus({ preventScroll: true });
        place.scrollIntoView();
      }
      return;
    }
    const state = new URLSearchParams(hash);
    const checked = state.has('severity') ? state.get('severity').split(',') : null;
    for (const box of severities) box.checked = checked === null || checked.includes(box.value);
    for (const name of ['confidence', 'rule', 'table']) setValue(form.elements[name], state.get(name) ?? '');
    form.elements.q.value = state.get('q') ?? '';
    apply();
    const finding = byId.get(state.get('f'));
    if (finding && finding.shown) go(finding, true);
  };

  // --- Findings -------------------------------------------------------------------------------------------------------------------------

  const detailsOf = (finding) => finding.element.firstElementChild;

  const go = (finding, open) => {
    current = finding;
    if (open) detailsOf(finding).open = true;
    detailsOf(finding).querySelector('summary').focus({ preventScroll: true });
    finding.element.scrollIntoView({ block: open ? 'start' : 'nearest' });
    keepState();
  };

  /** The next shown finding after the current one in this direction: 1 or -1. */
  const step = (direction) => {
    const shown = findings.filter((finding) => finding.shown);
    if (shown.length === 0) return;
    const at = shown.indexOf(current);
    const next = at < 0 ? (direction > 0 ? 0 : shown.length - 1) : Math.min(Math.max(at + direction, 0), shown.length - 1);
    go(shown[next], false);
  };

  const copyText = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // No clipboard for pages from files, or it was refused: the old way.
      const area = document.createElement('textarea');
      area.value = text;
      area.className = 'sr';
      area.setAttribute('aria-hidden', 'true');
      document.body.append(area);
      const focused = document.activeElement;
      area.select();
      const copied = document.execCommand('copy');
      area.remove();
      focused?.focus({ preventScroll: true });
      return copied;
    }
  };

  const copy = async (button, pre) => {
    if (await copyText(pre.textContent)) {
      button.textContent = 'Copied';
      say('Copied');
    } else {
      getSelection().selectAllChildren(pre);
      button.textContent = 'Selected';
      say('Could not copy: the text is selected');
    }
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  };

  /** Gives each fix a button when its finding is first opened: thousands of buttons nobody sees would only be weight. */
  const addCopyButtons = (details) => {
    for (const pre of details.querySelectorAll('pre.paste')) {
      if (pre.parentElement.classList.contains('code')) continue;
      const box = document.createElement('div');
      box.className = 'code';
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'copy';
      button.textContent = 'Copy';
      button.setAttribute('aria-label', `Copy: ${pre.closest('section').querySelector('h4').textContent}`);
      button.addEventListener('click', () => copy(button, pre));
      pre.replaceWith(box);
      box.append(pre, button);
    }
  };
  for (const finding of findings) if (detailsOf(finding).open) addCopyButtons(finding.element);
  document.addEventListener('toggle', (event) => {
    if (event.target.open && event.target.parentElement?.classList.contains('finding')) addCopyButtons(event.target);
  }, true);

  document.addEventListener('focusin', (event) => {
    const element = event.target.closest('.finding');
    if (element) current = byId.get(element.id);
  });

  // --- What is pressed ------------------------------------------------------------------------------------------------------------------

  let waiting = 0;
  form.addEventListener('input', () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => { apply(); keepState(); });
  });
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('reset', () => setTimeout(() => { apply(); keepState(); }));

  $('toggle-all').addEventListener('click', () => {
    const shown = findings.filter((finding) => finding.shown);
    const open = shown.some((finding) => !detailsOf(finding).open);
    for (const finding of shown) detailsOf(finding).open = open;
    $('toggle-all').textContent = open ? 'Close all' : 'Open all';
  });

  const themes = ['system', 'light', 'dark'];
  const setTheme = (theme) => {
    if (theme === 'system') delete root.dataset.theme; else root.dataset.theme = theme;
    $('theme').textContent = `Theme: ${theme}`;
  };
  $('theme').addEventListener('click', () => {
    const theme = themes[(themes.indexOf(root.dataset.theme ?? 'system') + 1) % themes.length];
    setTheme(theme);
    try { localStorage.setItem('dbaudit-theme', theme); } catch { /* pages from files may not keep anything */ }
  });
  try {
    const kept = localStorage.getItem('dbaudit-theme');
    if (themes.includes(kept)) setTheme(kept);
  } catch { /* as above */ }

  $('help-open').addEventListener('click', () => $('help').showModal());

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || $('help').open) return;
    const typing = event.target.matches('input[type="search"], select, textarea');
    if (event.key === 'Escape') {
      if (event.target === form.elements.q) {
        form.elements.q.blur();
      } else if (current && event.target.closest('.finding') === current.element) {
        detailsOf(current).open = false;
        go(current, false);
      }
      return;
    }
    if (typing) return;
    const act = { j: () => step(1), k: () => step(-1), '/': () => form.elements.q.focus(), '?': () => $('help').showModal() }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  // Paper has no triangles to click: what the filters show is printed open.
  let closedAgain = [];
  addEventListener('beforeprint', () => {
    closedAgain = findings.filter((finding) => finding.shown && !detailsOf(finding).open).map(detailsOf);
    for (const details of closedAgain) details.open = true;
  });
  addEventListener('afterprint', () => {
    for (const details of closedAgain) details.open = false;
  });

  addEventListener('hashchange', restore);
  restore();
  if (findings.length > 0 && $('count').textContent === '') apply();
})();
