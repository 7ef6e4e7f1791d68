// Calls by a loop around one socket that knows nothing of libvirt but the bytes of these calls: the
// frame is encoded once, and what has arrived is read at once, however many replies that are.
// Usage: raw SOCKET NAME info|xml DEPTH SECONDS

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "measure.h"

enum { REMOTE = 0x20008086, HEADER = 28 };
enum { OPEN = 1, XML_DESC = 14, GET_INFO = 16, LOOKUP_BY_NAME = 23, AUTH_LIST = 66 };

static int sock;
static uint8_t in[1 << 20], frame[1024], out[4 * sizeof(frame)];
static size_t held, length;
static struct times times;

static void put(uint32_t word)
{
    word = htonl(word);
    memcpy(frame + length, &word, 4);
    length += 4;
}

static void put_text(const char *text)
{
    size_t size = strlen(text);

    if (size > 500)
        exit(1);
    put(size);
    memset(frame + length, 0, 4);
    memcpy(frame + length, text, size);
    length += (size + 3) / 4 * 4;
}

static uint32_t get(const uint8_t *bytes)
{
    uint32_t word;

    memcpy(&word, bytes, 4);
    return ntohl(word);
}

static void set_serial(uint8_t *bytes, uint32_t serial)
{
    serial = htonl(serial);
    memcpy(bytes + 20, &serial, 4);
}

static void begin(uint32_t procedure)
{
    uint32_t words[] = {0, REMOTE, 1, procedure, 0, 0, 0};

    length = 0;
    for (int i = 0; i < 7; i++)
        put(words[i]);
}

static void end_frame(void)
{
    uint32_t word = htonl(length);

    memcpy(frame, &word, 4);
}

static void send_all(const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t count = write(sock, bytes, size);

        if (count <= 0)
            exit(1);
        bytes += count;
        size -= count;
    }
}

// Reads until there is a reply at this place; its length.
static size_t reply_at(size_t place)
{
    while (held < place + HEADER || held < place + get(in + place)) {
        ssize_t count = read(sock, in + held, sizeof(in) - held);

        if (count <= 0)
            exit(1);
        held += count;
    }
    if (get(in + place + 24) != 0) // An error.
        exit(2);
    return get(in + place);
}

// One call; its reply is left in the buffer.
static size_t exchange(void)
{
    end_frame();
    send_all(frame, length);
    held = 0;
    return reply_at(0);
}

static void connect_to(const char *path, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(address.sun_path))
        exit(1);
    strcpy(address.sun_path, path);
    sock = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(sock, (struct sockaddr *)&address, sizeof(address)) < 0)
        exit(1);
    begin(AUTH_LIST);
    exchange();
    begin(OPEN);
    put(1);
    put_text(name);
    put(0);
    exchange();
}

// The frame of the measured call.
static void prepare(int asks_xml)
{
    begin(LOOKUP_BY_NAME);
    put_text("test");
    size_t size = exchange() - HEADER;
    begin(asks_xml ? XML_DESC : GET_INFO);
    memcpy(frame + length, in + HEADER, size);
    length += size;
    if (asks_xml)
        put(0);
    end_frame();
}

// Keeps that many calls on the way until the time is over, then takes the last replies.
static void work(unsigned depth, int64_t end)
{
    int64_t started[4];
    size_t waiting = 0;
    unsigned flying = 0;

    for (unsigned serial = 0; serial < depth; serial++, flying++) {
        memcpy(out + waiting, frame, length);
        set_serial(out + waiting, serial);
        waiting += length;
        started[serial] = now_nanos();
    }
    while (flying > 0) {
        send_all(out, waiting);
        waiting = held = 0;
        size_t place = 0;
        do {
            size_t size = reply_at(place);
            uint32_t serial = get(in + place + 20);
            int64_t now = now_nanos();

            record(&times, now - started[serial % 4]);
            started[serial % 4] = now;
            flying--;
            if (now < end) {
                memcpy(out + waiting, frame, length);
                set_serial(out + waiting, serial);
                waiting += length;
                flying++;
            }
            place += size;
        } while (place < held);
    }
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return 1;
    unsigned depth = atoi(argv[4]);
    if (depth < 1 || depth > 4)
        return 1;
    connect_to(argv[1], argv[2]);
    prepare(strcmp(argv[3], "xml") == 0);

    int64_t start = now_nanos(), used = cpu_micros();
    work(depth, start + atoi(argv[5]) * 1000000000L);
    int64_t elapsed = now_nanos() - start;
    used = cpu_micros() - used;
    print_calls(&times, used, elapsed);
    return 0;
}
