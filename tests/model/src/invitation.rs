//! A model of one further invitation: another admin takes the place of the one before (`invite-admin`,
//! `shared/supabase-project/src/admin.rs`, `tenant_invited.sql`). The client repeats its request until it is answered.
//!
//! The lease is left out: it keeps two invocations apart, which the other model shows. A dead invocation's call may still
//! have its effect, and what the code waits for (30 s) is that it is over. Nobody else invites meanwhile.

use stateright::{Model, Property};

/// What is left out of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slip {
    /// No intent: nobody knows of an earlier request.
    NoIntent,
    /// An unanswered call is taken for one without effect.
    NoPause,
    /// The end of a request is not written down.
    NoEnd,
    /// The former admin goes before the next one was invited.
    FormerFirst,
}

/// The model and its bounds.
#[derive(Clone, Debug)]
pub struct Invitations {
    /// How many things may go wrong.
    pub faults: u8,
    /// How often Auth may not learn that the mail server took its mail.
    pub unlearned: u8,
    /// What is left out.
    pub slip: Option<Slip>,
}

/// The ledger's row of the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Row {
    /// There is none.
    None,
    /// The mail was asked for.
    Open,
    /// The mail was sent.
    Confirmed,
    /// Everything behind the mail is done.
    Done,
}

/// The next act of the invocation at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Next {
    /// It looks into the ledger, and at Auth's users.
    Look,
    /// It has Auth send the mail.
    Send,
    /// It confirms the intent.
    Confirm,
    /// It makes the invitee an admin.
    Grant,
    /// It withdraws the former admin.
    Withdraw,
    /// It writes the tenant's row and answers.
    Write,
}

/// One world.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scene {
    /// Mails to the next admin.
    pub mails: u8,
    /// Whether Auth knows the next admin, with the mail.
    pub invited: bool,
    /// Whether the next admin is one.
    pub granted: bool,
    /// Whether the former admin has access.
    pub former: bool,
    /// Whether the tenant's row names the next admin.
    pub named: bool,
    /// The ledger.
    pub row: Row,
    /// The invocation at work.
    pub at: Option<Next>,
    /// A call whose invocation is gone, and which may still have its effect.
    pub adrift: bool,
    /// Whether the client has its answer.
    pub answered: bool,
    faults: u8,
    unlearned: u8,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Move {
    /// The client sends its request.
    Ask,
    /// The invocation goes on.
    Go,
    /// The invocation dies.
    Die,
    /// The invocation's call goes on without it.
    Drift,
    /// The act happens, and its answer is lost.
    Lose,
    /// The mail server takes the mail, and Auth rolls back.
    Unlearn,
    /// A call that was adrift has its effect.
    Land,
    /// It never has one.
    Sink,
}

impl Move {
    const fn is_fault(self) -> bool {
        matches!(self, Self::Die | Self::Drift | Self::Lose | Self::Unlearn)
    }
}

impl Scene {
    const fn sent(self) -> Self {
        Self { mails: self.mails + 1, invited: true, ..self }
    }

    /// The invocation's act, with its answer.
    fn goes(self, at: Next, slip: Option<Slip>) -> Self {
        let on = |next| Some(next);
        match at {
            Next::Look => match self.row {
                Row::Done => Self { answered: true, at: None, ..self },
                Row::Confirmed => Self { at: on(Next::Grant), ..self },
                Row::Open if self.invited => Self { row: Row::Confirmed, at: on(Next::Grant), ..self },
                Row::Open if self.adrift && slip != Some(Slip::NoPause) => Self { at: None, ..self },
                Row::Open | Row::None => {
                    let row = if slip == Some(Slip::NoIntent) { Row::None } else { Row::Open };
                    let former = self.former && slip != Some(Slip::FormerFirst);
                    Self { row, former, at: on(Next::Send), ..self }
                }
            },
            Next::Send => Self { at: on(Next::Confirm), ..self.sent() },
            Next::Confirm => Self { row: Row::Confirmed, at: on(Next::Grant), ..self },
            Next::Grant => Self { granted: true, at: on(Next::Withdraw), ..self },
            Next::Withdraw => Self { former: false, at: on(Next::Write), ..self },
            Next::Write => {
                let row = if slip == Some(Slip::NoEnd) { Row::None } else { Row::Done };
                Self { named: true, row, answered: true, at: None, ..self }
            }
        }
    }
}

impl Model for Invitations {
    type State = Scene;
    type Action = Move;

    fn init_states(&self) -> Vec<Scene> {
        vec![Scene {
            mails: 0,
            invited: false,
            granted: false,
            former: true,
            named: false,
            row: Row::None,
            at: None,
            adrift: false,
            answered: false,
            faults: self.faults,
            unlearned: self.unlearned,
        }]
    }

    fn actions(&self, scene: &Scene, moves: &mut Vec<Move>) {
        if scene.at.is_none() && !scene.answered {
            moves.push(Move::Ask);
        }
        if scene.at.is_some() {
            moves.push(Move::Go);
            if scene.faults > 0 {
                moves.extend([Move::Die, Move::Lose]);
            }
        }
        if scene.at == Some(Next::Send) {
            if scene.faults > 0 && !scene.adrift {
                moves.push(Move::Drift);
            }
            if scene.unlearned > 0 {
                moves.push(Move::Unlearn);
            }
        }
        if scene.adrift {
            moves.extend([Move::Land, Move::Sink]);
        }
    }

    fn next_state(&self, scene: &Scene, step: Move) -> Option<Scene> {
        let fault = |scene: Scene| Scene { faults: scene.faults - 1, at: None, ..scene };
        let next = match step {
            Move::Ask => Scene { at: Some(Next::Look), ..*scene },
            Move::Go => scene.goes(scene.at?, self.slip),
            Move::Die => fault(*scene),
            Move::Drift => fault(Scene { adrift: true, ..*scene }),
            Move::Lose => fault(Scene { answered: false, ..scene.goes(scene.at?, self.slip) }),
            // Auth's refusal says that nobody was invited, so the intent is given up.
            Move::Unlearn => {
                Scene { mails: scene.mails + 1, unlearned: scene.unlearned - 1, row: Row::None, at: None, ..*scene }
            }
            Move::Land => Scene { adrift: false, ..scene.sent() },
            Move::Sink => Scene { adrift: false, ..*scene },
        };
        // More mails than any property allows are all alike.
        (next.mails < 8).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("one mail, but for those of which Auth did not learn", |model: &Self, scene: &Scene| {
                scene.mails <= 1 + model.unlearned - scene.unlearned
            }),
            Property::always("somebody is the admin", |_, scene: &Scene| scene.former || scene.granted),
            Property::always("the row names an admin", |_, scene: &Scene| {
                !scene.named || (scene.invited && scene.granted && !scene.former)
            }),
            Property::always("an answer is true", |_, scene: &Scene| {
                !scene.answered || (scene.named && scene.mails > 0 && scene.row == Row::Done)
            }),
            Property::sometimes("a mail is found", |_, scene: &Scene| {
                scene.at == Some(Next::Grant) && scene.faults == 0 && scene.mails == 1
            }),
        ]
    }
}

impl Invitations {
    /// A world from which the client never gets an answer, although nothing goes wrong any more.
    #[must_use]
    pub fn never_answers(&self) -> Option<Scene> {
        let mut scenes = self.init_states();
        let mut edges = Vec::new();
        let mut known: std::collections::HashMap<Scene, usize> = scenes.iter().copied().zip(0..).collect();
        let mut at = 0;
        while at < scenes.len() {
            let scene = scenes[at];
            let mut moves = Vec::new();
            self.actions(&scene, &mut moves);
            for step in moves {
                let Some(next) = self.next_state(&scene, step) else { continue };
                let to = *known.entry(next).or_insert_with(|| {
                    scenes.push(next);
                    scenes.len() - 1
                });
                if !step.is_fault() {
                    edges.push((at, to));
                }
            }
            at += 1;
        }
        let mut good: Vec<bool> = scenes.iter().map(|scene| scene.answered).collect();
        let mut grows = true;
        while grows {
            grows = false;
            for &(from, to) in &edges {
                if good[to] && !good[from] {
                    good[from] = true;
                    grows = true;
                }
            }
        }
        good.iter().position(|good| !good).map(|at| scenes[at])
    }
}
