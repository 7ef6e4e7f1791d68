//! The calls that are made twice: once for how many parameters there are, once for these.

use drover_rpc_proto::remote::TypedParam;

use crate::client::Client;
use crate::error::Error;
use crate::objects::handle::Answer;
use crate::typed::TypedParams;

impl Answer<Vec<TypedParam>> for TypedParams {
    fn answer(wire: Vec<TypedParam>, _: &Client) -> Self {
        wire.into()
    }
}

/// Asks with 0 for the number of parameters, then with this number for the parameters.
pub(crate) async fn twice<T, Asked>(ask: impl Fn(i32) -> Asked) -> Result<Vec<T>, Error>
where
    Asked: Future<Output = Result<(Vec<T>, i32), Error>>,
{
    let (_, count) = ask(0).await?;
    if count <= 0 {
        return Ok(Vec::new());
    }
    ask(count).await.map(|(params, _)| params)
}
