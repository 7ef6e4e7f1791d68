//! A client over either transport that tells what it does.

use std::fmt::Debug;
use std::net::{Ipv4Addr, SocketAddr};

use drover_xdr::onc::{CallError, Caller, Options, Procedure, Refusal, TcpClient, UdpClient};
use drover_xdr::{Decoder, Encoder, Error};

pub(crate) enum Client {
    Tcp(TcpClient),
    Udp(UdpClient),
}

impl Client {
    /// `transport` is `tcp` or `udp`; the server is on loopback.
    pub(crate) fn connect(transport: &str, port: u16) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let options = Options::default();
        match transport {
            "tcp" => Self::Tcp(TcpClient::connect(address, options).unwrap()),
            _ => Self::Udp(UdpClient::connect(address, options).unwrap()),
        }
    }

    pub(crate) fn caller(&mut self) -> &mut Caller {
        match self {
            Self::Tcp(client) => client.caller(),
            Self::Udp(client) => client.caller(),
        }
    }

    pub(crate) fn call<P: Procedure>(&mut self, args: &P::Args) -> Result<P::Reply, CallError>
    where
        P::Args: Debug,
        P::Reply: Debug,
    {
        let (transport, reply) = match self {
            Self::Tcp(client) => ("tcp", client.call::<P>(args)),
            Self::Udp(client) => ("udp", client.call::<P>(args)),
        };
        let (name, version) = (P::NAME, P::VERSION);
        match &reply {
            Ok(reply) => println!("{transport} {name} (version {version}) {args:?} -> {reply:?}"),
            Err(error) => println!("{transport} {name} (version {version}) {args:?} -> {error}"),
        }
        reply
    }

    /// The refusal of a call that must be refused.
    pub(crate) fn refused<P: Procedure>(&mut self, args: &P::Args) -> Refusal
    where
        P::Args: Debug,
        P::Reply: Debug,
    {
        let error = self.call::<P>(args).unwrap_err();
        error.refusal().unwrap_or_else(|| panic!("{error:?}"))
    }
}

/// A procedure that may not be there. It takes one word.
pub(crate) struct Any<const PROGRAM: u32, const VERSION: u32, const NUMBER: u32>;

impl<const PROGRAM: u32, const VERSION: u32, const NUMBER: u32> Procedure
    for Any<PROGRAM, VERSION, NUMBER>
{
    const PROGRAM: u32 = PROGRAM;
    const VERSION: u32 = VERSION;
    const NUMBER: u32 = NUMBER;
    const NAME: &'static str = "any";
    type Args = u32;
    type Reply = ();

    fn encode_args(args: &u32, out: &mut Encoder) -> Result<(), Error> {
        out.word(*args);
        Ok(())
    }

    fn decode_args(input: &mut Decoder<'_>) -> Result<u32, Error> {
        input.word()
    }

    fn encode_reply(_: &(), _: &mut Encoder) -> Result<(), Error> {
        Ok(())
    }

    fn decode_reply(_: &mut Decoder<'_>) -> Result<(), Error> {
        Ok(())
    }
}
