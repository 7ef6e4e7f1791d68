/* A server of shapes.x on loopback, with what rpcgen makes of it. Prints its two ports. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "shapes.h"

void shapes_1(struct svc_req *, SVCXPRT *);
void shapes_3(struct svc_req *, SVCXPRT *);

/* The last list that was reversed, as XDR. */
static char last[65536];
static unsigned last_length;

void *shapes_null_1_svc(void *args, struct svc_req *request)
{
    static char nothing;
    (void)args;
    (void)request;
    return &nothing;
}

void *shapes_null_3_svc(void *args, struct svc_req *request)
{
    return shapes_null_1_svc(args, request);
}

item *shapes_echo_3_svc(item *args, struct svc_req *request)
{
    (void)request;
    return args;
}

chain *shapes_reverse_3_svc(chain *args, struct svc_req *request)
{
    static chain reversed;
    XDR out;
    (void)request;
    reversed = NULL;
    while (*args) {
        node *first = *args;
        *args = first->next;
        first->next = reversed;
        reversed = first;
    }
    xdrmem_create(&out, last, sizeof(last), XDR_ENCODE);
    last_length = xdr_chain(&out, &reversed) ? xdr_getpos(&out) : 0;
    /* The argument leads to all of it again, so that all of it is freed. */
    *args = reversed;
    return &reversed;
}

static void mirror(tree *at)
{
    tree *left;
    if (!at)
        return;
    left = at->left;
    at->left = at->right;
    at->right = left;
    mirror(at->left);
    mirror(at->right);
}

tree_ref *shapes_mirror_3_svc(tree_ref *args, struct svc_req *request)
{
    (void)request;
    mirror(*args);
    return args;
}

found *shapes_find_3_svc(label *args, struct svc_req *request)
{
    static found result;
    static chain all;
    XDR in;
    chain at;
    (void)request;
    xdr_free((xdrproc_t)xdr_chain, &all);
    all = NULL;
    memset(&result, 0, sizeof(result));
    xdrmem_create(&in, last, last_length, XDR_DECODE);
    if (last_length && !xdr_chain(&in, &all))
        all = NULL;
    for (at = all; at; at = at->next) {
        if (!strcmp(at->what.name, *args)) {
            result.there = TRUE;
            result.found_u.what = at->what;
            break;
        }
    }
    return &result;
}

char **shapes_who_3_svc(void *args, struct svc_req *request)
{
    static char text[400];
    static char *result = text;
    struct authunix_parms *who = (struct authunix_parms *)request->rq_clntcred;
    (void)args;
    if (request->rq_cred.oa_flavor != AUTH_SYS) {
        svcerr_weakauth(request->rq_xprt);
        return NULL;
    }
    snprintf(text, sizeof(text), "%s:%u:%u:%u", who->aup_machname, (unsigned)who->aup_uid,
             (unsigned)who->aup_gid, (unsigned)who->aup_len);
    return &result;
}

void *shapes_fail_3_svc(void *args, struct svc_req *request)
{
    (void)args;
    svcerr_systemerr(request->rq_xprt);
    return NULL;
}

int shapes_1_freeresult(SVCXPRT *transport, xdrproc_t encode, caddr_t result)
{
    (void)transport;
    (void)encode;
    (void)result;
    return 1;
}

int shapes_3_freeresult(SVCXPRT *transport, xdrproc_t encode, caddr_t result)
{
    return shapes_1_freeresult(transport, encode, result);
}

static int listening(int type, unsigned *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, type, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) ||
        (type == SOCK_STREAM && listen(fd, 16)) ||
        getsockname(fd, (struct sockaddr *)&address, &length)) {
        perror("socket");
        exit(1);
    }
    *port = ntohs(address.sin_port);
    return fd;
}

int main(void)
{
    unsigned tcp_port, udp_port;
    SVCXPRT *tcp = svctcp_create(listening(SOCK_STREAM, &tcp_port), 0, 0);
    SVCXPRT *udp = svcudp_create(listening(SOCK_DGRAM, &udp_port));
    SVCXPRT *both[] = {tcp, udp};
    for (int i = 0; i < 2; i++) {
        /* Protocol 0: rpcbind is not told. */
        if (!both[i] || !svc_register(both[i], SHAPES, SHAPES_OLD, shapes_1, 0) ||
            !svc_register(both[i], SHAPES, SHAPES_NEW, shapes_3, 0)) {
            fprintf(stderr, "transport %d cannot be served\n", i);
            return 1;
        }
    }
    printf("%u %u\n", tcp_port, udp_port);
    fflush(stdout);
    svc_run();
    return 1;
}
