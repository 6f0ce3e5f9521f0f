//! The mail server: whether it takes the log-in with which Supabase's Auth will send invitations.

use domain::Warning;
use lambda_kit::Read;
use secrets::SmtpSecret;
use smtp::{LoggedIn, MailServer};

use crate::Found;

pub(crate) async fn check(secret: &Read<SmtpSecret>) -> Found {
    let SmtpSecret { host, port, username, password, .. } = secret.read().await?;
    let server = MailServer { host: &host, port, username: &username, password: &password };
    Ok(match server.log_in().await? {
        LoggedIn::Encrypted => Vec::new(),
        LoggedIn::InPlain => vec![Warning::SmtpInPlain],
    })
}
