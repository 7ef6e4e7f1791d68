/* A client of shapes.x, with what rpcgen makes of it: client tcp|udp PORT. Prints what it is answered:
 * replies as XDR in hex, errors by their numbers. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "shapes.h"

static const struct timeval patience = {10, 0};

static CLIENT *client(const char *transport, int port, unsigned program, unsigned version)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval again = {2, 0};
    int fd = RPC_ANYSOCK;
    CLIENT *made;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    made = strcmp(transport, "tcp") ? clntudp_create(&address, program, version, again, &fd)
                                    : clnttcp_create(&address, program, version, &fd, 0, 0);
    if (!made) {
        clnt_pcreateerror("client");
        exit(1);
    }
    return made;
}

static void show(const char *name, CLIENT *from, void *reply, xdrproc_t encode)
{
    static char bytes[1 << 16];
    struct rpc_err error;
    XDR out;
    printf("%s ", name);
    if (!reply) {
        clnt_geterr(from, &error);
        printf("error %d", error.re_status);
        if (error.re_status == RPC_PROGVERSMISMATCH || error.re_status == RPC_VERSMISMATCH)
            printf(" %lu %lu", (unsigned long)error.re_vers.low, (unsigned long)error.re_vers.high);
        if (error.re_status == RPC_AUTHERROR)
            printf(" why %d", error.re_why);
        printf("\n");
        return;
    }
    xdrmem_create(&out, bytes, sizeof(bytes), XDR_ENCODE);
    if (!encode(&out, reply, 0)) {
        printf("cannot be encoded\n");
        exit(1);
    }
    for (unsigned i = 0; i < xdr_getpos(&out); i++)
        printf("%02x", (unsigned char)bytes[i]);
    printf("\n");
}

static item thing(char *name, shape_kind kind)
{
    static point points[3] = {{1, 2}, {-3, 4}, {5, -6}};
    static point place = {7, -8};
    item made = {.name = name, .weight = 0.1, .sides = {1.5, -2, 0}, .when = -5000000000LL,
                 .id = 18446744073709551615ULL, .hidden = TRUE, .tag = {1, 2, 3, 4, 5, 6},
                 .level = -300, .grade = -1};
    made.what.kind = kind;
    switch (kind) {
    case SHAPE_DOT:
        made.at = &place;
        break;
    case SHAPE_CIRCLE:
    case SHAPE_SQUARE:
        made.what.shape_u.size = 9;
        break;
    case SHAPE_PATH:
        made.what.shape_u.points.points_len = 3;
        made.what.shape_u.points.points_val = points;
        break;
    default:
        made.what.shape_u.other.other_len = 5;
        made.what.shape_u.other.other_val = "other";
    }
    return made;
}

static void calls(CLIENT *to)
{
    static const shape_kind kinds[] = {SHAPE_DOT, SHAPE_CIRCLE, SHAPE_SQUARE, SHAPE_PATH, 77};
    static char *names[] = {"dot", "circle", "square", "path", "a name of sixtee"};
    static node nodes[5];
    tree leaves[3] = {{1, NULL, NULL}, {2, NULL, NULL}, {3, &leaves[0], NULL}};
    tree_ref root = &leaves[2];
    chain all = nodes, none = NULL;
    label wanted = "path", missing = "missing";

    show("null", to, shapes_null_3(NULL, to), (xdrproc_t)xdr_void);
    for (int i = 0; i < 5; i++) {
        nodes[i].what = thing(names[i], kinds[i]);
        nodes[i].next = i < 4 ? &nodes[i + 1] : NULL;
        show("echo", to, shapes_echo_3(&nodes[i].what, to), (xdrproc_t)xdr_item);
    }
    show("reverse", to, shapes_reverse_3(&all, to), (xdrproc_t)xdr_chain);
    show("find", to, shapes_find_3(&wanted, to), (xdrproc_t)xdr_found);
    show("find", to, shapes_find_3(&missing, to), (xdrproc_t)xdr_found);
    show("reverse", to, shapes_reverse_3(&none, to), (xdrproc_t)xdr_chain);
    show("mirror", to, shapes_mirror_3(&root, to), (xdrproc_t)xdr_tree_ref);
    show("who", to, shapes_who_3(NULL, to), (xdrproc_t)xdr_wrapstring);
    auth_destroy(to->cl_auth);
    gid_t groups[2] = {30, 40};
    to->cl_auth = authunix_create("box", 10, 20, 2, groups);
    show("who", to, shapes_who_3(NULL, to), (xdrproc_t)xdr_wrapstring);
    show("fail", to, shapes_fail_3(NULL, to), (xdrproc_t)xdr_void);
}

static void raw(const char *name, CLIENT *to, unsigned procedure, xdrproc_t encode, void *args)
{
    int status = clnt_call(to, procedure, encode, args, (xdrproc_t)xdr_void, NULL, patience);
    show(name, to, status == RPC_SUCCESS ? "" : NULL, (xdrproc_t)xdr_void);
}

int main(int count, char **words)
{
    const char *transport = count == 3 ? words[1] : "";
    int port = count == 3 ? atoi(words[2]) : 0, too_long = NAME_LENGTH + 1;
    CLIENT *to = client(transport, port, SHAPES, SHAPES_NEW);
    calls(to);
    raw("procedure", to, 99, (xdrproc_t)xdr_void, NULL);
    raw("garbage", to, SHAPES_ECHO, (xdrproc_t)xdr_int, &too_long);
    clnt_destroy(to);
    to = client(transport, port, SHAPES, 2);
    raw("version", to, 0, (xdrproc_t)xdr_void, NULL);
    clnt_destroy(to);
    to = client(transport, port, SHAPES + 1, SHAPES_NEW);
    raw("program", to, 0, (xdrproc_t)xdr_void, NULL);
    clnt_destroy(to);
    return 0;
}
