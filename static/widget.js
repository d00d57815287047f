/**
 * ReplyX loader: one `<script async>` on a customer's page puts a chat button there. Commands, events and
 * parameters: docs/embedding.md.
 *
 * It asks the server whether its token is good for this page, shows the button, and loads nothing more until
 * the chat, an iframe, is opened. On the page it touches only `window.replyx`, which may be called before.
 */
(() => {
  'use strict';

  const LOG = '[ReplyX Widget]';
  const script = document.currentScript;
  if (!(script instanceof HTMLScriptElement) || window.replyx?.loaded) {
    console.warn(LOG, script ? 'the page has a widget already' : 'must be a classic script, not a module');
    return;
  }
  const address = new URL(script.src);
  const option = (name) => script.dataset[name] || address.searchParams.get(name);
  const token = option('token') || '';
  const host = new URL(option('host') || address.origin, address).origin;

  const WORDS = {
    ru: { open: 'Открыть чат', close: 'Закрыть чат', chat: 'Чат', unread: 'новых сообщений', hide: 'Скрыть', failed: 'Чат не загрузился.', retry: 'Повторить' },
    en: { open: 'Open chat', close: 'Close chat', chat: 'Chat', unread: 'new messages', hide: 'Hide', failed: 'The chat did not load.', retry: 'Try again' },
  };
  const CSS = `
:host{all:initial!important}
:host([inline]){display:block!important}
*{box-sizing:border-box}
button{font:600 15px/1.4 system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif;border:0;cursor:pointer}
button:focus-visible{outline:3px solid var(--rx);outline-offset:3px;box-shadow:0 0 0 3px #fff}
[hidden]{display:none!important}
svg{width:28px;height:28px;fill:none;stroke:currentColor;stroke-width:1.8;stroke-linecap:round;stroke-linejoin:round}
.launcher{position:fixed;z-index:2147483000;bottom:20px;right:20px;width:60px;height:60px;padding:0;border-radius:50%;display:grid;place-items:center;background:var(--rx);color:var(--on);box-shadow:0 6px 20px rgb(0 0 0/.25)}
.launcher:hover{filter:brightness(1.07)}
.badge{position:absolute;top:-3px;right:-3px;min-width:22px;height:22px;padding:0 6px;border-radius:11px;background:#c62828;color:#fff;font-size:13px;line-height:22px;box-shadow:0 0 0 2px #fff}
.panel,.peek{position:fixed;z-index:2147483000;bottom:96px;right:20px;border-radius:18px;background:#fff;color:#1c2329;box-shadow:0 12px 48px rgb(0 0 0/.28)}
.panel{width:390px;height:min(640px,calc(100vh - 120px));overflow:hidden;visibility:hidden;opacity:0}
.peek{display:flex;max-width:min(320px,calc(100vw - 40px))}
.peek button{padding:14px 0 14px 18px;background:none;color:inherit;font-weight:400;text-align:start;overflow-wrap:anywhere}
.peek .away{padding:12px 16px;font-size:20px;line-height:1}
.panel.on{visibility:visible;opacity:1}
.left{left:20px;right:auto}
iframe{display:block;width:100%;height:100%;border:0}
.failed{position:absolute;inset:0;display:grid;place-content:center;gap:12px;text-align:center;background:inherit;font:15px/1.5 system-ui,Arial,sans-serif}
.failed button{padding:10px 20px;border-radius:10px;background:var(--rx);color:var(--on)}
:host([inline]) .launcher{position:static;width:auto;height:auto;padding:14px 24px;border-radius:14px;grid-auto-flow:column;gap:10px}
:host([inline]) .panel{position:relative;inset:auto;width:100%;max-width:560px;box-shadow:0 0 0 1px rgb(128 128 128/.35)}
:host([inline]) .panel:not(.on){display:none}
:host([inline]) .peek{position:static;margin-bottom:10px}
@media(prefers-color-scheme:dark){.panel,.peek{background:#161b1f;color:#e9eef1}}
@media(prefers-reduced-motion:no-preference){.panel{transform:translateY(14px);transition:opacity .18s,transform .18s,visibility .18s}.panel.on{transform:none}}
@media(max-width:480px){:host(:not([inline])) .panel{inset:0;width:100%;height:100%;height:100dvh;border-radius:0}:host(:not([inline])) .launcher[aria-expanded=true]{display:none}}`;

  const listeners = {};
  let queue = [...(window.replyx?.q || [])];
  let actions = null;
  let name; // undefined until the page has told one or taken it back

  const emit = (event, data) => {
    // On a turn of its own: a listener that fails is the page's error, takes nothing with it, and has no stack
    // in which our address, and with it the token, would stand.
    for (const listener of listeners[event] || []) setTimeout(listener, 0, data);
  };

  const on = (event, listener) => {
    (listeners[event] ||= []).push(listener);
    if (event === 'ready' && actions) listener();
  };

  const call = (command, ...parameters) => {
    if (command === 'on') on(...parameters);
    else if (!actions) queue?.push([command, ...parameters]);
    else if (Object.hasOwn(actions, command)) actions[command](...parameters);
    else console.warn(LOG, `unknown command: ${command}`);
  };
  call.loaded = true;
  window.replyx = call;
  const early = queue;
  queue = [];
  for (const command of early) call(...command);

  /** Black or white on the theme colour, by its luminance as WCAG 2.2 defines it. */
  const textOn = (hex) => {
    const [r, g, b] = [1, 3, 5].map((at) => (parseInt(hex.slice(at, at + 2), 16) / 255) ** 2.2);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? '#000' : '#fff';
  };

  const el = (tag, attributes, ...children) => {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  };

  const icon = () => {
    const make = (tag) => document.createElementNS('http://www.w3.org/2000/svg', tag);
    const svg = make('svg');
    const path = make('path');
    svg.setAttribute('viewBox', '0 0 24 24');
    svg.setAttribute('aria-hidden', 'true');
    svg.append(path);
    return { svg, draw: (d) => path.setAttribute('d', d) };
  };

  const style = (root) => {
    if (root.adoptedStyleSheets) {
      // A constructed sheet is allowed where the page's CSP forbids inline styles.
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(CSS);
      root.adoptedStyleSheets = [sheet];
    } else {
      root.append(el('style', {}, CSS));
    }
  };

  const show = (widget) => {
    const locale = option('locale') || widget.locale || navigator.language || '';
    const primary = locale.toLowerCase().split(/[-_]/)[0];
    const language = Object.hasOwn(WORDS, primary) ? primary : 'en';
    const words = WORDS[language];
    const title = widget.titles?.[language] || widget.title || words.chat;
    const inline = (option('type') || widget.type) === 'inline';
    const theme = [option('theme'), widget.theme].find((color) => /^#[\da-f]{6}$/i.test(color)) || '#2563eb';
    const side = (option('position') || widget.position) === 'bottom-left' ? ' left' : '';

    const { svg, draw } = icon();
    const badge = el('span', { class: 'badge', hidden: '' });
    const launcher = el('button', { type: 'button', class: `launcher${side}`, 'data-testid': 'replyx-launcher' }, svg, badge);
    const panel = el('div', { class: `panel${side}`, role: 'dialog', 'aria-label': title });
    const news = el('button', { type: 'button', dir: 'auto' });
    const away = el('button', { type: 'button', class: 'away', 'aria-label': words.hide }, '×');
    const peek = el('div', { class: `peek${side}`, 'data-testid': 'replyx-peek', hidden: '' }, news, away);
    const root = el('replyx-widget', inline ? { inline: '' } : {});
    const shadow = root.attachShadow({ mode: 'open' });
    let frame = null;
    let failed = null;
    let port = null;
    let opened = false;
    let unread = 0;
    let told = 0; // the answer that `peek` has shown last
    let timer = 0;

    const refresh = () => {
      const label = opened ? words.close : words.open;
      draw(opened ? 'M6 9.5l6 6 6-6' : 'M4 5h16v11h-8l-4.5 4v-4H4z');
      launcher.hidden = inline && opened;
      launcher.setAttribute('aria-expanded', opened);
      launcher.setAttribute('aria-label', unread && !opened ? `${label}, ${words.unread}: ${unread}` : label);
      badge.hidden = opened || !unread;
      if (badge.hidden) peek.hidden = true;
      badge.textContent = unread > 99 ? '99+' : unread;
      panel.classList.toggle('on', opened);
    };

    /** A frame of another site may have no storage of its own; then the page keeps the visitor's place. */
    const keep = (text) => {
      const key = `replyx-chat-${widget.id}`;
      try {
        if (text === undefined) return localStorage.getItem(key);
        if (text) localStorage.setItem(key, text);
        else localStorage.removeItem(key);
      } catch { /* this page may not store either */ }
    };

    const hear = ({ data }) => {
      if (data.type === 'ready') {
        clearTimeout(timer);
        port.postMessage({ type: opened ? 'shown' : 'hidden' });
      } else if (data.type === 'close' && !inline) {
        actions.close();
      } else if (data.type === 'unread') {
        unread = data.count;
        if (data.last && data.last.id !== told && !opened) {
          told = data.last.id;
          news.textContent = data.last.text;
          peek.hidden = false;
        }
        refresh();
      } else if (data.type === 'message') {
        emit('message', data.message);
      } else if (data.type === 'keep') {
        keep(data.text);
      }
    };

    /** Hands the token and one end of a private channel to our own origin, and to no other. */
    const greet = () => {
      const channel = new MessageChannel();
      port?.close();
      port = channel.port1;
      port.onmessage = hear;
      const page = location.origin + location.pathname;
      frame.contentWindow.postMessage({ replyx: 'hello', token, page, name, inline, theme, kept: keep() }, host, [channel.port2]);
    };

    const giveUp = () => {
      const retry = el('button', { type: 'button' }, words.retry);
      retry.onclick = load;
      failed = el('div', { class: 'failed', role: 'alert' }, words.failed, retry);
      panel.append(failed);
    };

    function load() {
      failed?.remove();
      frame?.remove();
      frame = el('iframe', { title, 'data-testid': 'replyx-frame' });
      frame.onload = greet;
      frame.src = `${host}/chat/${widget.id}?locale=${language}`;
      panel.append(frame);
      timer = setTimeout(giveUp, 15000);
    }

    const set = (open) => {
      if (opened === open) return;
      opened = open;
      if (open && !frame) load();
      refresh();
      port?.postMessage({ type: open ? 'shown' : 'hidden' });
      if (open) frame.focus();
      else if (document.activeElement === root) launcher.focus();
      emit(open ? 'open' : 'close');
    };

    actions = {
      open: () => set(true),
      close: () => set(false),
      toggle: () => set(!opened),
      identify: (visitor) => {
        name = visitor?.name ? String(visitor.name) : null;
        port?.postMessage({ type: 'identify', name });
      },
    };

    launcher.onclick = actions.toggle;
    news.onclick = actions.open;
    away.onclick = () => {
      peek.hidden = true;
      launcher.focus();
    };
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !event.defaultPrevented && opened && !inline) actions.close();
    });
    style(shadow);
    root.style.setProperty('--rx', theme, 'important');
    root.style.setProperty('--on', textOn(theme), 'important');
    if (inline) launcher.append(words.open);
    // The region stands there before it has words: only then screen readers say what comes into it.
    shadow.append(panel, el('div', { role: 'status' }, peek), launcher);
    refresh();
    if (inline && document.body.contains(script)) script.after(root);
    else document.body.append(root);
    const waiting = queue;
    queue = null;
    for (const command of waiting) call(...command);
    emit('ready');
  };

  /** Asks a few times if the server is away; the page notices nothing of it. */
  const check = async (attempt) => {
    let verdict;
    try {
      const query = new URLSearchParams({ token, domain: location.hostname });
      const response = await fetch(`${host}/api/widgets/check?${query}`, { credentials: 'omit', cache: 'no-store' });
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      verdict = await response.json();
    } catch (error) {
      if (attempt < 3) setTimeout(check, 2000 * 4 ** attempt * (0.5 + Math.random()), attempt + 1);
      else console.warn(LOG, 'Сервер недоступен:', error.message);
      return;
    }
    if (verdict.valid) return show(verdict.widget);
    queue = null;
    console.warn(`${LOG} Серверная проверка: токен не актуален - ${verdict.reason}`);
  };

  if (document.body) check(0);
  else document.addEventListener('DOMContentLoaded', () => check(0));
})();
