//! How often the known attacks win here.

use flip_storage::error_chain;
use flip_web::chart::{Share, Shares};
use flip_web::pages::{self as web, Moment, Tone};

use super::frame;
use crate::attack::{Report, SHARE_MAX, Tried, Verdict, policy_words};
use crate::clock;
use crate::site::Site;

/// The last report.
pub fn attack(site: &Site) -> Result<web::SiteAttack, String> {
    let report = Report::read(&site.place.attack_report()).map_err(|error| error_chain(&error))?;
    let in_force = policy_words(site.desk.policy());
    Ok(web::SiteAttack {
        frame: frame(site),
        command: format!("flip-appliance --data {} attack", site.place.folder().display()),
        report: report.map(|report| shown(report, &in_force)),
    })
}

fn shown(report: Report, in_force: &[String]) -> web::AttackReport {
    let trials = report.trials;
    let share = |tried: &Tried| Share { label: tried.name.clone(), percent: 100.0 * tried.worst(trials).0 };
    let chart = Shares {
        id: "shares".to_owned(),
        title: "Right guesses of each attacker".to_owned(),
        limit_percent: 100.0 * SHARE_MAX,
        shares: report.attackers.iter().map(share).collect(),
    };
    web::AttackReport {
        at: Moment::at(report.at_ms, clock::now().0),
        trials,
        changed: report.policy != in_force,
        policy: report.policy,
        questions: report.questions.iter().map(|after| *after as u64).collect(),
        attackers: report.attackers.into_iter().map(|tried| row(tried, trials)).collect(),
        chart,
    }
}

fn row(tried: Tried, trials: u64) -> web::AttackRow {
    let (_, [low, high]) = tried.worst(trials);
    web::AttackRow {
        shares: tried.shares(trials).map(|share| format!("{:.1} %", 100.0 * share)).collect(),
        interval: format!("{:.1} to {:.1} %", 100.0 * low, 100.0 * high),
        verdict: match tried.verdict(trials) {
            Verdict::Passes => Tone::Good,
            Verdict::Wins => Tone::Bad,
            Verdict::TooFewPlays => Tone::Warn,
        },
        name: tried.name,
        does: tried.does,
        secret: tried.secret,
    }
}
