"""What the doctor says in English: by the code of a finding, what is so and what to do about it."""

from __future__ import annotations

ENGLISH: dict[str, tuple[str, str]] = {
    # From inside
    "program": ("ReplyX {version}, Python {python}, SQLite {sqlite}", ""),
    "data_dir": ("{path} belongs to this user alone", ""),
    "data_dir_open": (
        "{path} can be opened by other users of this machine (mode {mode})",
        "It holds every conversation and the keys: chmod 700 {path}",
    ),
    "data_dir_foreign": (
        "{path} belongs to another user than the one that asks",
        "Run the server, and every command, as the owner of the directory: sudo -u {owner} replyx …",
    ),
    "secrets_open": (
        "{path} can be read by other users of this machine",
        "Whoever reads it can be anybody here: chmod 600 {path}, then replyx secrets rotate",
    ),
    "disk": ("{free} MB are free for data", ""),
    "disk_low": (
        "only {free} MB are free for data",
        "A full disk takes no message. Make room in {path}, or move DATA_DIR to a larger disk.",
    ),
    "disk_shared": (
        "{path} lies on a network's file system ({kind})",
        "SQLite cannot rely on its locks there. Keep DATA_DIR on a local disk, or use PostgreSQL (DATABASE_URL).",
    ),
    "database": ("the database answers: {kind}, schema {schema}", ""),
    "database_absent": (
        "there is no installation in {path}",
        "Name the --data-dir or the DATABASE_URL of the server.",
    ),
    "database_silent": ("the database cannot be opened: {why}", "Look at DATABASE_URL and at its server."),
    "database_whole": ("every page of the database is whole", ""),
    "database_damaged": (
        "the database is damaged: {why}",
        "Stop the server, and go back to the newest copy: replyx restore DIRECTORY",
    ),
    "database_failing": ("the database cannot be written: {why}", "No message is taken until it can."),
    "schema_older": (
        "the database has schema {schema}, this program {own}",
        "The server brings it up to date at its next start, and keeps a copy beside it.",
    ),
    "schema_newer": (
        "the database has schema {schema}, this program knows {own}",
        "An older program does not write to it: start a newer ReplyX.",
    ),
    # Before an upgrade
    "schema_same": ("this program has the database's schema, {schema}: nothing is changed at its start", ""),
    "no_installation": (
        "the database holds no installation",
        "Name the --data-dir or the DATABASE_URL of the server that is to be upgraded.",
    ),
    "half_moved": (
        "the database holds the beginning of a move",
        "No server starts on it: finish it with the same replyx move as before.",
    ),
    "upgrade_room": ("{free} MB are free, the copy and the change take {needed} MB at most", ""),
    "upgrade_no_room": (
        "only {free} MB are free, the copy and the change take up to {needed} MB",
        "Without room the upgrade is refused and nothing changes. Make room in {path}; older copies end in .before-….",
    ),
    "upgrade_without_copy": (
        "PostgreSQL is changed without a copy",
        "Make one first: pg_dump --format=custom, and keep secrets.json with it.",
    ),
    "upgrade_in_use": (
        "somebody uses the database: {why}",
        "Stop every server of the old version before the new one starts: it does not know the new schema.",
    ),
    "upgrade_unused": ("nobody else uses the database", ""),
    "clock": ("the clock is not behind the newest event", ""),
    "clock_behind": (
        "the clock is {minutes} minutes behind the newest event",
        "Tokens and due times go by it. Let the machine follow a time server (timedatectl set-ntp true).",
    ),
    "files": ("{count} connections and files can be open at once", ""),
    "files_few": (
        "only {count} connections and files can be open at once",
        "Each visitor with an open chat takes one. LimitNOFILE=65536 in the systemd unit, or ulimit -n 65536.",
    ),
    "zones_missing": (
        "this system has no time zones",
        "TIME_ZONE and due times need them. Install tzdata.",
    ),
    "certificates": ("this system knows whom to trust for TLS", ""),
    "certificates_missing": (
        "this system knows no certificate authority",
        "Webhooks and push messages cannot be sent. Install ca-certificates, or set SSL_CERT_FILE.",
    ),
    "redis": ("Redis answers in {ms} ms", ""),
    "redis_silent": (
        "Redis does not answer: {why}",
        "Events reach the other processes late without it. Look at REDIS_URL and at its server.",
    ),
    "demo_public": (
        "the demo filled this database, and its passwords are public",
        "Begin anew in another DATA_DIR for a server that others can reach.",
    ),
    "demo": ("this is the demo", "Its passwords are public: begin with another DATA_DIR for real."),
    "backup": ("the newest copy is {days} days old", ""),
    "backup_old": (
        "the newest copy is {days} days old",
        "replyx backup --keep 14 DIRECTORY copies while the server runs; let cron or a timer call it every night.",
    ),
    "backup_never": (
        "no copy of this database was ever made with replyx backup",
        "replyx backup --keep 14 DIRECTORY copies while the server runs; let cron or a timer call it every night.",
    ),
    "no_admin": (
        "nobody can administer this installation",
        "replyx account add EMAIL --role admin, or open /admin with the code of replyx init.",
    ),
    "widget_nowhere": (
        "widget {widget} may be shown on no site but local ones",
        "Add the site's domain to it: panel, Widgets.",
    ),
    "trusts_everybody": (
        "TRUSTED_PROXIES believes everybody",
        "Anyone can then claim any address, and no limit holds. Name the addresses of your proxies alone.",
    ),
    "no_public_url": (
        "PUBLIC_URL is not set",
        "Embed codes and links name {url}. Set PUBLIC_URL to the address by which browsers come.",
    ),
    # By way of its own address
    "address_unknown": (
        "{host} has no address: {why}",
        "Look at the name in PUBLIC_URL and at its DNS records.",
    ),
    "unreachable": (
        "nothing answers at {host}:{port}: {why}",
        "Is the proxy (or the server) running, and does the firewall let this port through?",
    ),
    "tls": ("the certificate is good for {days} more days", ""),
    "tls_ending": (
        "the certificate ends in {days} days",
        "Look at what renews it (certbot renew, Caddy's log).",
    ),
    "tls_wrong": (
        "the certificate is not believed: {why}",
        "Browsers refuse it too. The proxy must send the whole chain, for this name.",
    ),
    "answers": ("{url} answers: ReplyX {version}", ""),
    "answers_wrong": (
        "{url}/health answers {status}",
        "The proxy must pass every path on to ReplyX, and ReplyX must run. 502 and 504 are the proxy's own words for"
        " a server that it does not reach.",
    ),
    "another_installation": (
        "{url} is another installation than the one in {path}",
        "Look at the port that the proxy passes on to, and at --data-dir.",
    ),
    "public_url": ("PUBLIC_URL is {url}", ""),
    "public_url_other": (
        "PUBLIC_URL is {named}, and people come by {url}",
        "Set PUBLIC_URL={url}; embed codes name the wrong address until then.",
    ),
    "host": ("the server sees the Host that browsers send", ""),
    "host_lost": (
        "the server sees Host {seen}, browsers send {sent}",
        "The proxy must pass Host on. nginx: proxy_set_header Host $host; Caddy and HAProxy do so by themselves unless"
        " a line changes it.",
    ),
    "scheme": ("the server knows that people come by {scheme}", ""),
    "scheme_lost": (
        "people come by {scheme}, and the server sees {seen}",
        "The proxy must send X-Forwarded-Proto. nginx: proxy_set_header X-Forwarded-Proto $scheme;"
        " HAProxy: http-request set-header X-Forwarded-Proto https; and TRUSTED_PROXIES must name {peer}.",
    ),
    "direct": ("no proxy stands before the server", ""),
    "address": ("a proxy stands before the server, and the server sees people's own addresses", ""),
    "address_lost": (
        "a proxy stands before the server and does not say who comes",
        "All visitors share one limit. nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
        " HAProxy: option forwardfor; then TRUSTED_PROXIES={peer}",
    ),
    "proxy_untrusted": (
        "the proxy at {peer} is not believed",
        "All visitors share one limit. Set TRUSTED_PROXIES={peer}",
    ),
    "address_forged": (
        "whoever comes can claim any address",
        "The proxy passes a visitor's X-Forwarded-For on as it is. nginx: proxy_set_header X-Forwarded-For"
        " $proxy_add_x_forwarded_for; HAProxy: http-request del-header X-Forwarded-For before option forwardfor.",
    ),
    "websocket": ("WebSocket works", ""),
    "websocket_dropped": (
        "a WebSocket does not get through: the proxy drops Upgrade",
        "nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;"
        " proxy_set_header Connection $connection_upgrade; (with its map, see docs/proxies/nginx.conf)",
    ),
    "websocket_refused": (
        "a WebSocket is refused with {status}",
        "Pass Host on, and set PUBLIC_URL to the address by which browsers come.",
    ),
    "websocket_silent": ("a WebSocket gets no answer within {seconds} s", "The proxy must pass /ws on."),
    "secure": ("people come by TLS", ""),
    "insecure": (
        "people come without TLS",
        "Whoever is on the way can read and write along. Let a proxy speak https, and set PUBLIC_URL to that.",
    ),
    "websocket_failed": (
        "this browser gets no WebSocket through",
        "A proxy drops Upgrade, or refuses the origin: replyx doctor, run on the server, names the line to write.",
    ),
    "stream": ("an event stream begins after {ms} ms", ""),
    "stream_buffered": (
        "an event stream does not begin within {seconds} s: the proxy holds it back",
        "nginx: proxy_buffering off; and no proxy_ignore_headers X-Accel-Buffering.",
    ),
    "stream_compressed": (
        "the proxy compresses event streams ({encoding})",
        "Compressed, events wait for the next ones. Exclude text/event-stream: nginx's gzip_types, Caddy's encode"
        " with a matcher, HAProxy's compression type.",
    ),
    "stream_refused": ("an event stream is refused with {status}", "The proxy must pass /api on."),
    "stream_unseen": (
        "event streams were not looked at",
        "An admin's token is needed: run this where DATA_DIR is, or give one in REPLYX_TOKEN.",
    ),
    "socketio": ("Socket.IO works, by polling and by WebSocket", ""),
    "socketio_polling": (
        "Socket.IO's polling is answered with {status}",
        "The proxy must pass /socket.io/ on, with its query.",
    ),
    "socketio_websocket": (
        "Socket.IO works by polling alone",
        "Its WebSocket does not get through, so each message takes a request more.",
    ),
    "widget_script": ("widget.js can be loaded", ""),
    "widget_script_wrong": (
        "{url}/widget.js is answered with {status}, as {kind}",
        "No site shows the chat. The proxy must pass /widget.js and /static on, or serve the same files.",
    ),
}
