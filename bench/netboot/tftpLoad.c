/*
 * TFTP clients that only measure: N at once, each fetching a file R times in octet mode with a block size and a window size
 * (RFC 1350, 2348, 7440). Prints "BYTES SECONDS RESENT". Every block is counted in order; nothing is kept.
 *
 *   tftpLoad ADDRESS PORT FILE CLIENTS REPEATS BLKSIZE WINDOWSIZE
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CLIENTS = 256, SILENCE_MS = 500, MOST_SILENCES = 20 };

struct client {
  int fd;
  int left;           /* files still to fetch */
  int begun;          /* the server's transfer port is known */
  uint16_t last;      /* last block taken in order */
  int in_window;      /* blocks taken since the last acknowledgement */
  int block_size, window;
  double heard;       /* when the server was last heard */
  int silences;
};

static struct sockaddr_in server;
static const char *file;
static int block_size, window_size;
static long long bytes, resent;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void fail(const char *why) {
  fprintf(stderr, "%s\n", why);
  exit(1);
}

static size_t put(char *at, const char *text) {
  size_t length = strlen(text) + 1;
  memcpy(at, text, length);
  return length;
}

static void request(struct client *c) {
  char packet[512], number[16];
  size_t n = 2;
  packet[0] = 0;
  packet[1] = 1;
  n += put(packet + n, file);
  n += put(packet + n, "octet");
  if (block_size != 512) {
    snprintf(number, sizeof number, "%d", block_size);
    n += put(packet + n, "blksize");
    n += put(packet + n, number);
  }
  if (window_size != 1) {
    snprintf(number, sizeof number, "%d", window_size);
    n += put(packet + n, "windowsize");
    n += put(packet + n, number);
  }
  c->begun = 0;
  c->last = 0;
  c->in_window = 0;
  c->block_size = 512;
  c->window = 1;
  if (sendto(c->fd, packet, n, 0, (struct sockaddr *)&server, sizeof server) < 0) fail("the request could not be sent");
}

static void acknowledge(struct client *c) {
  unsigned char packet[4] = {0, 4, c->last >> 8, c->last & 255};
  c->in_window = 0;
  if (send(c->fd, packet, 4, 0) < 0) fail("an acknowledgement could not be sent");
}

/* A fresh socket for each transfer, as real clients have: some servers know transfers by the client's port. */
static void begin(struct client *c) {
  if (c->fd >= 0) close(c->fd);
  c->fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (c->fd < 0) fail("no socket");
  int size = 1 << 20;
  setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  c->heard = now();
  c->silences = 0;
  request(c);
}

static void take_options(struct client *c, char *packet, size_t length) {
  for (char *at = packet + 2, *end = packet + length; at < end;) {
    char *name = at, *value = name + strnlen(name, end - name) + 1;
    if (value >= end) break;
    if (!strcasecmp(name, "blksize")) c->block_size = atoi(value);
    if (!strcasecmp(name, "windowsize")) c->window = atoi(value);
    at = value + strnlen(value, end - value) + 1;
  }
}

static void take(struct client *c) {
  static char packet[65536];
  struct sockaddr_in from;
  socklen_t size = sizeof from;
  ssize_t length = recvfrom(c->fd, packet, sizeof packet, 0, (struct sockaddr *)&from, &size);
  if (length < 4) fail("the server's port is closed, or it sent something too short");
  if (!c->begun) {
    if (connect(c->fd, (struct sockaddr *)&from, sizeof from) < 0) fail("no connection to the transfer's port");
    c->begun = 1;
  }
  c->heard = now();
  c->silences = 0;
  if (packet[1] == 5) fail(packet + 4);
  if (packet[1] == 6) {
    if (c->last == 0) {
      take_options(c, packet, length);
      acknowledge(c);
    }
    return;
  }
  uint16_t block = (unsigned char)packet[2] << 8 | (unsigned char)packet[3];
  if (block != (uint16_t)(c->last + 1)) {
    /* A gap: say where to go on, once. Duplicates are passed over. */
    if ((uint16_t)(block - c->last) < 32768 && c->in_window >= 0) {
      resent += 1;
      acknowledge(c);
      c->in_window = -1;
    }
    return;
  }
  if (c->in_window < 0) c->in_window = 0;
  c->last = block;
  bytes += length - 4;
  c->in_window += 1;
  int whole = length - 4 < c->block_size;
  if (whole || c->in_window >= c->window) acknowledge(c);
  if (whole) {
    c->left -= 1;
    if (c->left > 0) begin(c);
  }
}

int main(int argc, char **argv) {
  static struct client clients[MOST_CLIENTS];
  static struct pollfd polls[MOST_CLIENTS];
  if (argc != 8) fail("tftpLoad ADDRESS PORT FILE CLIENTS REPEATS BLKSIZE WINDOWSIZE");
  server.sin_family = AF_INET;
  inet_pton(AF_INET, argv[1], &server.sin_addr);
  server.sin_port = htons(atoi(argv[2]));
  file = argv[3];
  int count = atoi(argv[4]);
  if (count < 1 || count > MOST_CLIENTS) fail("too many clients");
  block_size = atoi(argv[6]);
  window_size = atoi(argv[7]);
  double start = now();
  for (int i = 0; i < count; i++) {
    clients[i].fd = -1;
    clients[i].left = atoi(argv[5]);
    begin(&clients[i]);
  }
  for (int open = count; open > 0;) {
    open = 0;
    for (int i = 0; i < count; i++) {
      polls[i].fd = clients[i].left > 0 ? clients[i].fd : -1;
      polls[i].events = POLLIN;
      open += clients[i].left > 0;
    }
    if (open == 0) break;
    poll(polls, count, SILENCE_MS);
    double at = now();
    for (int i = 0; i < count; i++) {
      struct client *c = &clients[i];
      if (c->left == 0) continue;
      if (polls[i].revents) {
        take(c);
      } else if (at - c->heard > SILENCE_MS) {
        if (++c->silences > MOST_SILENCES) fail("the server went silent");
        resent += 1;
        c->heard = at;
        if (c->begun) acknowledge(c);
        else request(c);
      }
    }
  }
  printf("%lld %.6f %lld\n", bytes, (now() - start) / 1e3, resent);
  return 0;
}
