/** What pages keep on `window`: the widget's queue, the stock Socket.IO client, and where the demo's server is. */
interface Window {
  replyx?: ReplyxCommands;
  io?: Function;
  API_URL?: unknown;
  SERVER_URL?: unknown;
}

interface ReplyxCommands {
  (command: string, ...parameters: any[]): void;
  q?: any[][];
  loaded?: boolean;
}

declare var replyx: ReplyxCommands;

/** Known to browsers, and not yet to TypeScript's library. */
interface NotificationOptions {
  renotify?: boolean;
}
