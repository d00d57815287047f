/* The bench's load: subscribers that count, senders that wait for their answers, one thread, one epoll.
 *
 *   load HOST PORT [option value ...]
 *     subscribe KIND,COUNT,PATH   listeners, KIND is sse, ws or sio; may be repeated; {n} in PATH counts up from 'first'
 *     join TICKET                 what each sio listener (Socket.IO over WebSocket) joins
 *     send KIND,COUNT,PATH        senders, KIND is http or ws; each waits for the answer to its last message
 *     echo 1                      a sending WebSocket must also receive its own messages as events, like a subscriber
 *     messages N, bytes N         how many messages, and the size of each one's JSON object
 *     text NAME                   the member of that object which holds the text ("text")
 *     window N                    at most N messages on their way to the subscribers at once (0: no bound)
 *     rate N                      a message every 1/N s whatever happens; latency then counts from when it was due
 *     header 'Name: value'        with every request; may be repeated
 *     first N                     what {n} begins with
 *     replay 1                    no senders: 'messages' events are in the server's log and come after the handshake
 *     hold 1                      open everything, say so, and stay until standard input ends
 *
 * Message k holds the text "^" and k in 8 hexadecimal digits. Every subscriber must see each k once: one missing or
 * one seen twice makes the exit status 1. The clock stops when the last delivery and the last answer have arrived.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { MARK = 9, HEAD = 16384, READ = 262144, GROUPS = 8, AT_ONCE = 128 };
enum { SSE, WS, SIO, HTTP };            /* kinds */
enum { DIALLING, SHAKING, ENTERING, JOINING, OPEN };   /* states; the two before the last are Socket.IO's */

typedef struct { int kind, count, sends; char path[2048]; } Group;
typedef struct {
  int fd, state, number, busy, have, asked;
  Group *group;
  char *in;                             /* bytes of an unfinished head, answer or frame */
  unsigned char *seen;                  /* one bit per message, for those who must receive every message */
} Client;

static struct sockaddr_in server;
static char host[256], headers[8192];
static const char *ticket = "", *text_name = "text";
static Group groups[GROUPS];
static Client *clients;
static int group_count, client_count, open_count, dialled, poller, timer = -1, first, echo, replay, hold;
static int messages, bytes = 200, window, rate, *idle, idle_count, *owner;
static long run, subscribers, wanted, delivered, answered, twice, due, sent;
static double *sent_at, started, last_progress, opened_in;
static float *latency;

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }

static void fail(const char *format, ...) {
  va_list rest; va_start(rest, format); vfprintf(stderr, format, rest); va_end(rest);
  fputc('\n', stderr); exit(2);
}

static int ascending(const void *a, const void *b) { float x = *(float *)a, y = *(float *)b; return (x > y) - (x < y); }

/* ---- opening ---- */

static void watch(Client *c, unsigned what, int op) {
  struct epoll_event event = {.events = what, .data.ptr = c};
  if (epoll_ctl(poller, op, c->fd, &event) < 0) fail("epoll_ctl: %s", strerror(errno));
}

static void dial(Client *c) {
  int one = 1;
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (c->fd < 0) fail("socket: %s", strerror(errno));
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(c->fd, (void *)&server, sizeof server) < 0 && errno != EINPROGRESS) fail("connect: %s", strerror(errno));
  c->in = malloc(HEAD);
  watch(c, EPOLLOUT, EPOLL_CTL_ADD);
}

static int path_of(Client *c, char *out, int size) {
  char *at = strstr(c->group->path, "{n}");
  if (!at) return snprintf(out, size, "%s", c->group->path);
  return snprintf(out, size, "%.*s%d%s", (int)(at - c->group->path), c->group->path, first + c->number, at + 3);
}

static void put(Client *c, const char *data, int size) {
  if (write(c->fd, data, size) != size) fail("a request did not fit into the socket: %s", strerror(errno));
}

static void opened(Client *c) {
  c->state = OPEN;
  if (++open_count == client_count) opened_in = now() - started;
  if (c->group->sends) idle[idle_count++] = c - clients;
  if (dialled < client_count) dial(&clients[dialled++]);
}

static void shake(Client *c) {
  char path[2300], out[16384];
  int error = 0; socklen_t size = sizeof error;
  getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error) fail("connect: %s", strerror(error));
  watch(c, EPOLLIN, EPOLL_CTL_MOD);
  if (c->group->kind == HTTP) { opened(c); return; }
  path_of(c, path, sizeof path);
  int n = snprintf(out, sizeof out, "GET %s HTTP/1.1\r\nHost: %s\r\n%s%s\r\n", path, host, headers,
                   c->group->kind == SSE ? "Accept: text/event-stream\r\n"
                   : "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n");
  put(c, out, n);
  c->state = SHAKING;
}

/* A text frame of a client; a mask of zeros leaves the bytes as they are. */
static void put_text(Client *c, const char *text, int size) {
  char out[40000] = {(char)0x81};
  int head = 2;
  if (size < 126) out[1] = (char)(0x80 | size);
  else { out[1] = (char)(0x80 | 126); out[2] = size >> 8; out[3] = size; head = 4; }
  memcpy(out + head + 4, text, size);
  put(c, out, head + 4 + size);
}

/* ---- receiving ---- */

static void deliver(Client *c, long k) {
  if (k >= messages) return;                                      /* from before this run */
  if (c->seen) {
    unsigned char bit = 1 << (k & 7);
    if (c->seen[k >> 3] & bit) { twice++; return; }
    c->seen[k >> 3] |= bit;
  }
  if (sent_at[k]) latency[delivered] = (now() - sent_at[k]) * 1e3;
  delivered++;
}

/* The number behind a mark; -1 when it is none (a frame's length can be the same byte). */
static long number_at(const char *mark) {
  char digits[MARK] = {0}, *end;
  memcpy(digits, mark + 1, MARK - 1);
  long k = strtol(digits, &end, 16);
  return end == digits + MARK - 1 && *digits >= '0' ? k : -1;
}

/* Every mark in the bytes; returns how many bytes at the end may be the beginning of one. */
static int marks(Client *c, const char *p, const char *end) {
  while ((p = memchr(p, '^', end - p))) {
    if (end - p < MARK) return end - p;
    long k = number_at(p);
    if (k >= 0) deliver(c, k);
    p += k >= 0 ? MARK : 1;
  }
  return 0;
}

static void keep(Client *c, const char *from, int size) {
  if (size && !c->in) c->in = malloc(HEAD);
  if (size > HEAD) fail("more than %d bytes of one answer or frame", HEAD);
  if (size) memmove(c->in, from, size);
  c->have = size;
}

static void answer(Client *c) {
  answered++; c->busy = 0; idle[idle_count++] = c - clients;
}

/* Whole HTTP answers; returns the bytes used. */
static int http_answers(Client *c, const char *in, int size) {
  const char *end = memmem(in, size, "\r\n\r\n", 4), *length;
  if (!end) return 0;
  if (strncmp(in + 9, "20", 2)) fail("refused: %.*s", size > 600 ? 600 : size, in);
  if (!(length = strcasestr(in, "\r\ncontent-length:")) || length > end) fail("an answer without Content-Length");
  int whole = end + 4 - in + atoi(length + 17);
  if (size < whole) return 0;
  answer(c);
  return whole;
}

/* One WebSocket frame of a sender: its ack, an event, or something else; returns the bytes used. */
static int ws_frame(Client *c, const char *in, int size) {
  const unsigned char *u = (const void *)in;
  if (size < 2) return 0;
  long head = 2, length = u[1] & 127;
  if (length == 127) fail("a frame over 64 KiB");
  if (length == 126) { if (size < 4) return 0; head = 4; length = u[2] << 8 | u[3]; }
  if (size < head + length) return 0;
  const char *body = in + head, *type = memmem(body, length, "\"type\":", 7);
  if (type) for (type += 7; *type == ' ';) type++;
  if ((u[0] & 15) == 8) fail("closed: %.*s", (int)length, body);
  if (type && !strncmp(type, "\"error\"", 7)) fail("refused: %.*s", (int)length, body);
  if (type && !strncmp(type, "\"ack\"", 5)) answer(c);
  else if (echo) {
    char *mark = memchr(body, '^', length);
    if (mark && owner[number_at(mark)] != c - clients) fail("another's message");
    marks(c, body, body + length);
  }
  return head + length;
}

/* Engine.IO and Socket.IO, as the Socket.IO protocol has it: "40" enters the namespace, "420[...]" asks, "430[...]" is
 * the answer. */
static void enter(Client *c, const char *in, int size) {
  char ask[600];
  if (c->state == ENTERING && memmem(in, size, "40{", 3)) {
    put_text(c, ask, snprintf(ask, sizeof ask, "420[\"join_ticket\",{\"ticketId\":\"%s\"}]", ticket));
    c->state = JOINING;
  }
  const char *answer = c->state == JOINING ? memmem(in, size, "430[", 4) : 0;
  if (!answer) { keep(c, in, size); return; }
  if (strncmp(answer, "430[{\"ok\":true", 14)) fail("not joined: %.*s", size, in);
  opened(c);
  free(c->in); c->in = 0; c->have = 0;
}

/* Engine.IO's ping is one frame with the text "2", and these bytes stand nowhere in a frame of JSON. */
static void pong(Client *c, const char *in, int size) {
  if (memmem(in, size, "\x81\x01" "2", 3)) put_text(c, "3", 1);
}

static void take(Client *c, const char *in, int size) {
  if (c->state == ENTERING || c->state == JOINING) { enter(c, in, size); return; }
  if (c->group->kind == SIO) pong(c, in, size);
  if (!c->group->sends) { int rest = marks(c, in, in + size); keep(c, in + size - rest, rest); return; }
  int used, at = 0;
  while ((used = (c->group->kind == HTTP ? http_answers : ws_frame)(c, in + at, size - at))) at += used;
  keep(c, in + at, size - at);
}

static void head(Client *c, const char *in, int size) {
  const char *end = memmem(in, size, "\r\n\r\n", 4);
  if (!end) { keep(c, in, size); return; }
  if (strncmp(in + 9, c->group->kind == SSE ? "200" : "101", 3)) fail("no handshake: %.*s", size, in);
  if (c->group->kind == SIO) { put_text(c, "40", 2); c->state = ENTERING; }
  else opened(c);
  int rest = in + size - end - 4;
  char *later = memcpy(malloc(rest + 1), end + 4, rest);
  if (!c->group->sends && c->state == OPEN) { free(c->in); c->in = 0; }
  c->have = 0;
  take(c, later, rest);
  free(later);
}

static void readable(Client *c) {
  static char buffer[HEAD + READ];
  if (c->have) memcpy(buffer, c->in, c->have);
  int size = read(c->fd, buffer + c->have, READ);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) fail("connection %d was closed", (int)(c - clients));
  last_progress = now();
  size += c->have;
  if (c->state == SHAKING) head(c, buffer, size); else take(c, buffer, size);
}

/* ---- sending ---- */

static void send_message(Client *c, long k, double at) {
  char path[2300], body[16384], out[40000];
  int n = snprintf(body, sizeof body, "{\"type\":\"message\",\"client_id\":\"%lx-%lx\",\"%s\":\"^%08lx ", run, k, text_name, k);
  while (n < bytes - 2) body[n++] = 'x';
  memcpy(body + n, "\"}", 2); n += 2;
  sent_at[k] = at; owner[k] = c - clients; c->busy = 1;
  if (c->group->kind == HTTP) {
    path_of(c, path, sizeof path);
    int size = snprintf(out, sizeof out, "POST %s HTTP/1.1\r\nHost: %s\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", path, host, headers, n);
    memcpy(out + size, body, n);
    put(c, out, size + n);
    return;
  }
  put_text(c, body, n);
}

static void send_due(void) {
  while (sent < due && idle_count) {
    if (window && sent * subscribers - delivered >= window * subscribers) return;
    Client *c = &clients[idle[0]];                                 /* the one that waits longest */
    memmove(idle, idle + 1, --idle_count * sizeof *idle);
    send_message(c, sent, rate ? started + (double)sent / rate : now());
    sent++;
  }
}

static void start_clock(void) {
  started = last_progress = now();
  if (!rate) { due = messages; return; }
  struct itimerspec every = {.it_interval.tv_nsec = 1000000000 / rate, .it_value.tv_nsec = 1};
  timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  timerfd_settime(timer, 0, &every, 0);
  struct epoll_event event = {.events = EPOLLIN};
  epoll_ctl(poller, EPOLL_CTL_ADD, timer, &event);
}

static void turn(int wait_ms) {
  struct epoll_event ready[1024];
  int n = epoll_wait(poller, ready, 1024, wait_ms);
  for (int i = 0; i < n; i++) {
    Client *c = ready[i].data.ptr;
    if (!c) { unsigned long ticks; if (read(timer, &ticks, 8) == 8) due = due + (long)ticks < messages ? due + (long)ticks : messages; }
    else if (c->state == DIALLING) shake(c);
    else readable(c);
  }
}

/* ---- the run ---- */

static void add_group(const char *text, int sends) {
  Group *g = &groups[group_count++];
  char kind[8] = {0};
  if (group_count > GROUPS || sscanf(text, "%7[^,],%d,%2047s", kind, &g->count, g->path) != 3) fail("not KIND,COUNT,PATH: %s", text);
  g->kind = !strcmp(kind, "sse") ? SSE : !strcmp(kind, "ws") ? WS : !strcmp(kind, "sio") ? SIO : HTTP;
  g->sends = sends;
  client_count += g->count;
  if (!sends) subscribers += g->count;
}

static void options(int argc, char **argv) {
  if (argc < 3 || argc % 2 == 0) fail("see the head of load.c");
  server.sin_family = AF_INET; server.sin_port = htons(atoi(argv[2]));
  inet_pton(AF_INET, argv[1], &server.sin_addr);
  snprintf(host, sizeof host, "%s:%s", argv[1], argv[2]);
  struct { const char *name; int *value; } numbers[] = {{"messages", &messages}, {"bytes", &bytes}, {"window", &window},
    {"rate", &rate}, {"first", &first}, {"echo", &echo}, {"replay", &replay}, {"hold", &hold}};
  for (int i = 3; i < argc; i += 2) {
    int known = 0;
    for (unsigned k = 0; k < sizeof numbers / sizeof *numbers; k++)
      if (!strcmp(argv[i], numbers[k].name)) { *numbers[k].value = atoi(argv[i + 1]); known = 1; }
    if (!strcmp(argv[i], "subscribe") || !strcmp(argv[i], "send")) add_group(argv[i + 1], argv[i][2] == 'n');
    else if (!strcmp(argv[i], "header")) { strncat(headers, argv[i + 1], sizeof headers - strlen(headers) - 3); strcat(headers, "\r\n"); }
    else if (!strcmp(argv[i], "join")) ticket = argv[i + 1];
    else if (!strcmp(argv[i], "text")) text_name = argv[i + 1];
    else if (!known) fail("no such option: %s", argv[i]);
  }
  if (bytes > 16000) fail("at most 16000 bytes");
}

static void prepare(void) {
  struct rlimit files; getrlimit(RLIMIT_NOFILE, &files); files.rlim_cur = files.rlim_max; setrlimit(RLIMIT_NOFILE, &files);
  poller = epoll_create1(0);
  clients = calloc(client_count, sizeof *clients);
  idle = calloc(client_count + 1, sizeof *idle);
  owner = calloc(messages + 1, sizeof *owner);
  sent_at = calloc(messages + 1, sizeof *sent_at);
  wanted = messages * (subscribers + (echo ? 1 : 0));
  latency = calloc(wanted + 1, sizeof *latency);
  Client *c = clients;
  for (Group *g = groups; g < groups + group_count; g++)
    for (int n = 0; n < g->count; n++, c++) {
      c->group = g; c->number = n;
      if (messages && (echo || !g->sends)) c->seen = calloc(messages / 8 + 1, 1);
    }
}

static int finished(void) { return delivered >= wanted && answered >= (replay ? 0 : messages); }

int main(int argc, char **argv) {
  options(argc, argv);
  prepare();
  started = last_progress = now();
  run = (long)time(0) << 20 | getpid();                            /* a client_id is good for one message, ever */
  while (dialled < client_count && dialled < AT_ONCE) dial(&clients[dialled++]);
  while (open_count < client_count && now() - last_progress < 20) turn(1000);
  if (open_count < client_count) fail("%d of %d connections opened", open_count, client_count);
  if (hold) {
    printf("{\"open\": %d, \"open_s\": %.3f}\n", open_count, opened_in); fflush(stdout);
    struct epoll_event end = {.events = EPOLLIN};
    fcntl(0, F_SETFL, O_NONBLOCK);
    epoll_ctl(poller, EPOLL_CTL_ADD, 0, &end);
    for (char byte; read(0, &byte, 1);) turn(1000);
    return 0;
  }
  if (!replay) {
    for (double until = now() + 0.5; now() < until;) turn(50);     /* greetings */
    start_clock();
  }
  struct rusage use; getrusage(RUSAGE_SELF, &use);
  double busy = -(use.ru_utime.tv_sec + use.ru_stime.tv_sec + (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
  double began = now();
  while (!finished() && now() - last_progress < 20) { send_due(); turn(1000); }
  double ended = now();
  getrusage(RUSAGE_SELF, &use);
  busy += use.ru_utime.tv_sec + use.ru_stime.tv_sec + (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
  int complete = finished();
  for (double until = now() + 0.3; now() < until;) turn(50);       /* a late repeat would come now */
  long k = delivered < wanted ? delivered : wanted;
  qsort(latency, k, sizeof *latency, ascending);
  printf("{\"messages\": %d, \"answered\": %ld, \"deliveries\": %ld, \"wanted\": %ld, \"twice\": %ld, \"open_s\": %.4f, \"seconds\": %.4f,"
         " \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f, \"load_cpu\": %.3f}\n",
         messages, answered, delivered, wanted, twice, opened_in, ended - started,
         k ? latency[k / 2] : 0, k ? latency[k * 99 / 100] : 0, k ? latency[k - 1] : 0, ended > began ? busy / (ended - began) : 0);
  return complete && delivered == wanted && !twice ? 0 : 1;
}
