//! Who of the firm is told at a moment (SOP 8.1, SOP 9): whoever may act now, deputies of the absent among them, management
//! in the stead of one who has none. Where nobody is there, the absent ones are told all the same: an escalation, a breach
//! or a mail in triage has somebody who reads it first. The caller holds the gate `staff`, so that what is found here stays
//! so until the commit.
//!
//! A deputy acts for an account manager or team lead; what somebody is for the whole firm no absence passes on
//! ([`holders`]). So whoever is told may act on it.

use command::{Fault, Unit};

use super::entity::{Channel, Denial, Party, Told, Wish, each_once};
use crate::{
    address,
    client::Client,
    engagement, name,
    policy::Target,
    staff::{self, FirmRole, Holder, Staff, Standing, holders, stand_in},
};

/// Finds them. On the phone one without a number is passed over. Mail goes to the official domain only (SOP 6): one without an address of it is passed over as if they were
/// absent, and others are told.
pub(super) struct Finder<'f> {
    unit: &'f Unit<'f>,
    official_domain: &'f str,
    channel: Channel,
    passed_over: bool,
}

type Found = Result<Result<Vec<Party>, Denial>, Fault>;

impl<'f> Finder<'f> {
    pub fn new(unit: &'f Unit<'f>, official_domain: &'f str, channel: Channel) -> Self {
        Self { unit, official_domain, channel, passed_over: false }
    }

    /// A member of staff, or whoever stands in while they are absent.
    pub async fn of_staff(mut self, id: &str) -> Found {
        match staff::standing(self.unit.tx(), id, self.unit.now()).await? {
            Some(link) if link.active => {}
            _ => return Ok(Err(Denial::RecipientInactive)),
        }
        let acting = acting(self.unit, id).await?;
        let deputy = self.deputy_on_the_phone(id).await?;
        self.first_of([acting, deputy, vec![own(id)]]).await
    }

    /// Whoever holds a target for the client.
    pub async fn of_target(mut self, target: Target, client: Option<&Client>, wish: &Wish) -> Found {
        let Some(client) = client.filter(|_| target != Target::Management) else {
            return match target {
                Target::Management if self.channel == Channel::Phone => {
                    let list = self.call_list().await?;
                    self.first_of([list]).await
                }
                Target::Management => {
                    let management = self.holders(FirmRole::Management).await?;
                    self.first_of([present(&management), all(&management)]).await
                }
                // Without a client nobody holds it.
                Target::AccountManager | Target::TeamLead => Ok(Err(Denial::NobodyToTell)),
            };
        };
        let holder = match target {
            Target::TeamLead => {
                let engagement = wish.engagement.as_ref().map(|(_, id)| id.as_str());
                let lead = engagement::hold_lead(self.unit, &client.id, engagement).await?;
                lead.unwrap_or_else(|| client.account_manager.clone())
            }
            Target::AccountManager | Target::Management => client.account_manager.clone(),
        };
        for told in [acting(self.unit, &holder).await?, self.deputy_on_the_phone(&holder).await?] {
            let reached = self.reached(told).await?;
            if !reached.is_empty() {
                return Ok(Ok(reached));
            }
        }
        let standing = staff::standing(self.unit.tx(), &holder, self.unit.now()).await?;
        let mut absent: Vec<_> = standing.filter(|link| link.active).map(|_| own(&holder)).into_iter().collect();
        let management = self.holders(FirmRole::Management).await?;
        let in_stead = |told: Vec<Told>| {
            told.into_iter().map(|one| Told { stands_in_for: Some(holder.clone()), ..one }).collect::<Vec<_>>()
        };
        absent.extend(in_stead(all(&management)));
        self.first_of([in_stead(present(&management)), absent]).await
    }

    /// Whoever takes mails of unknown senders, management where nobody does.
    pub async fn of_intake(mut self) -> Found {
        let intake = self.holders(FirmRole::Intake).await?;
        let management = self.holders(FirmRole::Management).await?;
        let absent = [all(&intake), all(&management)].concat();
        self.first_of([present(&intake), present(&management), absent]).await
    }

    /// Everybody in management in the order in which they are called until somebody is reached (SOP 8.2): who is there, each
    /// followed by who stands in for them, then who stands in for the absent ones, then these. Who may act on it without being
    /// asked is told by mail; a deputy hears of it by phone where management does not pick up, so that somebody of the firm
    /// does.
    async fn call_list(&self) -> Result<Vec<Told>, Fault> {
        let (absent, there): (Vec<_>, Vec<_>) =
            self.holders(FirmRole::Management).await?.into_iter().partition(|holder| holder.absent);
        let mut list = Vec::new();
        for holder in there {
            list.push(own(&holder.id));
            list.extend(self.deputy(&holder.id).await?);
        }
        for holder in &absent {
            list.extend(self.deputy(&holder.id).await?);
        }
        list.extend(all(&absent));
        Ok(list)
    }

    /// As [`Finder::call_list`], with how each is reached; one who is reached in no way is left out.
    pub async fn incident_management(&mut self) -> Result<Vec<Party>, Fault> {
        let list = self.call_list().await?;
        let mut parties = Vec::with_capacity(list.len());
        for one in each_once(list) {
            let Some(person) = staff::find(self.unit, &one.id).await? else { continue };
            let official = address::is_of_domain(&person.profile.email, self.official_domain);
            if official || !person.profile.phones.is_empty() {
                let phones = person.profile.phones.clone();
                let mut party = party(one, person, phones);
                if !official {
                    party.email.clear();
                }
                parties.push(party);
            }
        }
        Ok(parties)
    }

    async fn deputy(&self, id: &str) -> Result<Option<Told>, Fault> {
        let deputy = staff::deputy(self.unit.tx(), id, self.unit.now()).await?;
        Ok(deputy.map(|deputy| Told { id: deputy, stands_in_for: Some(id.to_owned()) }))
    }

    /// On the phone one without a number is passed over as if absent.
    async fn deputy_on_the_phone(&self, id: &str) -> Result<Vec<Told>, Fault> {
        match self.channel {
            Channel::Phone => Ok(self.deputy(id).await?.into_iter().collect()),
            Channel::Email => Ok(Vec::new()),
        }
    }

    async fn holders(&self, role: FirmRole) -> Result<Vec<Holder>, Fault> {
        holders(self.unit.tx(), role, self.unit.now()).await
    }

    /// The first group of whom anybody can be written to; those of them who can.
    async fn first_of(&mut self, groups: impl IntoIterator<Item = Vec<Told>>) -> Found {
        for group in groups {
            let reached = self.reached(group).await?;
            if !reached.is_empty() {
                return Ok(Ok(reached));
            }
        }
        Ok(Err(if self.passed_over { Denial::RecipientNotOfficial } else { Denial::NobodyToTell }))
    }

    async fn reached(&mut self, told: Vec<Told>) -> Result<Vec<Party>, Fault> {
        let mut parties = Vec::with_capacity(told.len());
        for one in each_once(told) {
            let Some(person) = staff::find(self.unit, &one.id).await? else { continue };
            let phones = match self.channel {
                Channel::Phone if person.profile.phones.is_empty() => continue,
                Channel::Phone => person.profile.phones.clone(),
                Channel::Email if !address::is_of_domain(&person.profile.email, self.official_domain) => {
                    self.passed_over = true;
                    continue;
                }
                Channel::Email => Vec::new(),
            };
            parties.push(party(one, person, phones));
        }
        Ok(parties)
    }
}

fn party(told: Told, person: Staff, phones: Vec<String>) -> Party {
    Party {
        person: name::staff(&told.id),
        display_name: person.profile.display_name,
        email: person.profile.email,
        stands_in_for: told.stands_in_for.map(|id| name::staff(&id)).unwrap_or_default(),
        phones,
    }
}

async fn acting(unit: &Unit<'_>, id: &str) -> Result<Vec<Told>, Fault> {
    Ok(match stand_in(unit.tx(), id, unit.now()).await? {
        Standing::Here => vec![own(id)],
        Standing::Deputy(deputy) => vec![Told { id: deputy, stands_in_for: Some(id.to_owned()) }],
        Standing::Nobody | Standing::Unknown => Vec::new(),
    })
}

fn own(id: &str) -> Told {
    Told { id: id.to_owned(), stands_in_for: None }
}

fn present(holders: &[Holder]) -> Vec<Told> {
    holders.iter().filter(|holder| !holder.absent).map(|holder| own(&holder.id)).collect()
}

fn all(holders: &[Holder]) -> Vec<Told> {
    holders.iter().map(|holder| own(&holder.id)).collect()
}
