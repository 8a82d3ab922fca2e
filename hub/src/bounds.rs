//! The hub's limits, each with its unit and its reason.

use std::time::Duration;

/// Milliseconds without a sync after which a Trust counts as offline: two long polls and a little.
pub const ONLINE_MS: u64 = 60_000;
/// Milliseconds between two writes of a Trust's last sign of life, so that idle Trusts cost no disk.
pub const SEEN_WRITE_MS: u64 = 30_000;
/// Bytes of a request from a person: a question of 10,240 characters, however it is escaped. With
/// [`PEOPLE_CONNECTIONS`] it bounds the memory that strangers can take.
pub const PEOPLE_BODY_BYTES: usize = 256 * 1024;
/// Bytes of a request over its limit that are read and thrown away, so that its sender hears the refusal.
pub const DISCARD_BYTES: usize = 64 * 1024 * 1024;
/// Connections at once on the people listener.
pub const PEOPLE_CONNECTIONS: usize = 1_000;
/// Connections at once on the sites listener: 10,000 Trusts and a little.
pub const SITES_CONNECTIONS: usize = 12_000;
/// Connections at once on the listener of metrics: a few programs that collect them, and somebody who looks.
pub const METRICS_CONNECTIONS: usize = 16;
/// How long a TLS handshake may take.
pub const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long the head of a request may take to arrive.
pub const REQUEST_HEAD: Duration = Duration::from_secs(15);
/// Bytes of the head of a request: hyper reads no more before it refuses it.
pub const REQUEST_HEAD_BYTES: usize = 64 * 1024;
/// How long a whole request may take, its longest wait included.
pub const REQUEST: Duration = Duration::from_mins(1);
/// How long a reader may take nothing of what is sent to it before its connection is closed. Kernels keep megabytes for a
/// reader that began fast, on both sides, and say that something was taken when a good part of them was: one that goes on
/// at less than some ten kB/s may seem to take nothing for minutes.
pub const UNREAD: Duration = Duration::from_mins(5);
/// How long a shutdown waits for open requests.
pub const SHUTDOWN: Duration = Duration::from_secs(5);
/// The longest that `?wait_s=` may ask for, in seconds.
pub const WAIT_S: u64 = 25;
/// Bytes of the path that a sign-in leads on to: our own are shorter, and strangers' begun sign-ins are kept.
pub const NEXT_BYTES: usize = 512;
/// Streams of events that a person has open at once: each holds one of [`PEOPLE_CONNECTIONS`].
pub const EVENTS_AT_ONCE: usize = 8;
/// Streams of events of all people: the other half of [`PEOPLE_CONNECTIONS`] is left for everything else.
pub const EVENTS_OF_ALL: usize = PEOPLE_CONNECTIONS / 2;
/// How long a stream of events lasts at most; whoever still waits opens another.
pub const EVENTS_LIFE: Duration = Duration::from_hours(1);
/// How often a stream says that it is alive, and its owner is let in anew: what lies between keeps a silent connection
/// for a minute, as a rule.
pub const EVENTS_BEAT: Duration = Duration::from_secs(15);
/// How long changes are gathered before they are looked at, so that 200 Trusts that answer at once are few looks.
pub const EVENTS_PACE: Duration = Duration::from_millis(50);
/// How long a client waits before it opens a stream that broke again.
pub const EVENTS_AGAIN: Duration = Duration::from_secs(2);
/// Events that are made ahead of who takes them.
pub const EVENTS_AHEAD: usize = 64;
/// Bytes of an event's id, which comes back in a header: what every server and proxy takes, and 750 Trusts.
pub const EVENT_ID_BYTES: usize = 3_000;
/// A signed-in session's life, in milliseconds.
pub const SESSION_MS: u64 = 12 * 3_600_000;
/// The life of a session whose password was right and whose second factor is awaited, in milliseconds: an app can be
/// installed meanwhile.
pub const HALF_SESSION_MS: u64 = 15 * 60_000;
/// How long after a sign-in what outlives the session is made without a second factor of the hub's, in milliseconds: as long
/// as a half session lives, which sets one up.
pub const FRESH_MS: u64 = HALF_SESSION_MS;
/// Milliseconds between two writes of when a session was last used, so that looking costs no disk.
pub const SESSION_SEEN_MS: u64 = 5 * 60_000;
/// Characters kept of what a browser or program calls itself: longer ones say no more.
pub const BROWSER_CHARACTERS: usize = 200;
/// Networks that are remembered of each person as ones they have been signed in from.
pub const NETWORKS_KNOWN: u32 = 20;
/// How long such a network is remembered, in milliseconds.
pub const NETWORK_KNOWN_MS: u64 = 90 * 86_400_000;
/// Browsers that are remembered of each person as ones they have signed in with.
pub const BROWSERS_KNOWN: u32 = 20;
/// How long such a browser is remembered after it was last signed in with, in milliseconds.
pub const BROWSER_KNOWN_MS: u64 = 90 * 86_400_000;
/// People who a browser is remembered of: its cookie has a token for each, and comes with every request.
pub const BROWSER_PEOPLE: usize = 8;
/// Wrong passwords, and wrong codes, before one has to wait: people mistype.
pub const TRIES_FREE: u32 = 5;
/// The same from one network that is new to whoever is tried, for all names together: a hospital's door to the world.
pub const NETWORK_TRIES_FREE: u32 = 30;
/// Requests for access, and for a new password, from one network before it has to wait.
pub const FORMS_FREE: u32 = 30;
/// The longest wait, in milliseconds: whoever guesses codes has a chance of one in 3,000 a day.
pub const TRY_WAIT_MOST_MS: u64 = 15 * 60_000;
/// How long after the last one failures count, in milliseconds.
pub const TRIES_FORGOTTEN_MS: u64 = 24 * 3_600_000;
/// Counts of strangers' names and networks that are kept: some megabytes.
pub const COUNTS_KEPT: usize = 10_000;
/// So many counts come between two looks for those that can be forgotten.
pub const COUNTS_LOOKED_AT: usize = 1_000;
/// How long somebody may take at the identity provider, in milliseconds: to find a telephone, and a password.
pub const OIDC_BEGUN_MS: u64 = 10 * 60_000;
/// Sign-ins at the identity provider that are under way at once: some megabytes.
pub const OIDC_BEGUN: usize = 10_000;
/// The same from one network: a hospital's whole morning.
pub const OIDC_BEGUN_NETWORK: usize = 200;
/// How long the identity provider may take for one answer: people wait meanwhile.
pub const OIDC_STEP: Duration = Duration::from_secs(5);
/// Answers of the identity provider that are waited for at once.
pub const OIDC_AT_ONCE: usize = 16;
/// Bytes of one answer of the identity provider: keys and tokens have some kilobytes.
pub const OIDC_ANSWER_BYTES: usize = 256 * 1024;
/// How long what the identity provider says of itself is believed, in milliseconds; keys that it signs with and that are
/// not among them are asked for before that.
pub const OIDC_KNOWN_MS: u64 = 3_600_000;
/// Milliseconds between two questions for such keys: what lacks one comes from the provider itself.
pub const OIDC_KEYS_AGAIN_MS: u64 = 1_000;
/// How long somebody who signs out waits for what it says of signing out there.
pub const OIDC_LEAVE: Duration = Duration::from_secs(1);
/// How long an identity provider that did not answer, or not as it has to, is not asked again, in milliseconds.
pub const OIDC_AWAY_MS: u64 = 5_000;
/// How long the sign-in page says so, in milliseconds.
pub const OIDC_AWAY_SAID_MS: u64 = 60_000;
/// Bytes of an ID token that is kept to sign out at the provider with: it goes into an address, and some proxies take no
/// longer ones.
pub const OIDC_HINT_BYTES: usize = 4_096;
/// Bytes of a subject, as the standard bounds it.
pub const OIDC_SUBJECT_BYTES: usize = 255;
/// API tokens that a person has at once.
pub const TOKENS: u32 = 20;
/// Days that an API token works where nobody says.
pub const TOKEN_DAYS: u64 = 90;
/// The most days that an API token works.
pub const TOKEN_DAYS_MOST: u64 = 365;
/// A day, in milliseconds.
pub const DAY_MS: u64 = 86_400_000;
/// Recovery codes that a person has.
pub const RECOVERY_CODES: usize = 10;
/// Letters and digits of a recovery code: 80 bits.
pub const RECOVERY_CODE_CHARACTERS: usize = 16;
/// Bytes that the memory of a hash has room for; see [`crate::passwords`].
pub const HASH_ROOM_BYTES: usize = 40 * 1024 * 1024;
/// Sign-ins that may wait for their password to be hashed; more are told to try again.
pub const HASHES_WAITING: usize = 64;
/// The shortest password, in characters.
pub const PASSWORD_CHARACTERS: usize = 12;
/// Days that a certificate for a Trust is valid; the appliance renews it after two thirds.
pub const TRUST_CERTIFICATE_DAYS: i64 = 90;
/// Days that the hub's own server certificates are valid; they are made anew at every start.
pub const SERVER_CERTIFICATE_DAYS: i64 = 825;
/// Days that the hub's CA is valid.
pub const CA_DAYS: i64 = 20 * 365;
/// Seconds by which certificates are valid before they are made, for clocks that are a little behind.
pub const CLOCK_SLACK_S: i64 = 3_600;
/// Characters of words that a list is searched for: an e-mail address has at most as many.
pub const WORDS_CHARACTERS: usize = 254;
/// The last page of a list that can be asked for: a million rows are no list.
pub const PAGES: u64 = 10_000;
/// How long the key of a request stands for it, in milliseconds: a day.
pub const ONCE_MS: u64 = 86_400_000;
/// Bytes of such a key.
pub const ONCE_KEY_BYTES: usize = 100;
/// How long a form that is sent twice waits for what the first one does.
pub const ONCE_WAIT: Duration = Duration::from_secs(10);
/// How often it looks.
pub const ONCE_LOOK: Duration = Duration::from_millis(20);
/// Rows of a list in the console and the API.
pub const LIST_ROWS: u32 = 100;
/// Milliseconds before its end from which on a certificate is told of by `flip-hub check`: three weeks, time to act in.
pub const ENDS_SOON_MS: u64 = 21 * 24 * 3_600_000;
/// Acts on a page of the audit.
pub const AUDIT_ROWS: u32 = 100;
/// Acts that an export reads ahead of who takes them: enough to keep a line busy, and little memory.
pub const EXPORT_AHEAD: usize = 256;
/// Characters of a project's description, as FLIP has it.
pub const DESCRIPTION_CHARACTERS: usize = 250;
/// Models of one project that are there at once.
pub const MODELS: usize = 100;
/// Characters of the reason of a decision: a paragraph that researchers read.
pub const REASON_CHARACTERS: usize = 500;
/// Milliseconds after which an appliance that still holds a cancelled order is told so again at once: long enough for it
/// to end the order.
pub const CANCEL_AGAIN_MS: u64 = 2_000;
/// Members of one project.
pub const MEMBERS: usize = 100;
/// Characters of the banner and of the words of maintenance: one line on a wide screen.
pub const NOTICE_CHARACTERS: usize = 200;
/// Bytes of the banner's link.
pub const BANNER_HREF_BYTES: usize = 500;
/// Milliseconds by which a Trust's clock may differ before somebody should look: what the appliance warns of too.
pub const CLOCK_SKEW_MS: u64 = 60_000;
/// The longest password, in characters: nobody types more, and each costs time to judge.
pub const PASSWORD_CHARACTERS_MOST: usize = 1_000;
/// Passwords that are hashed at once where they are chosen: each takes 19 MiB.
pub const PASSWORDS_CHOSEN_AT_ONCE: usize = 2;
/// What follows a person's name in that of the project of their own questions.
pub const OWN_PROJECT: &str = ": own questions";
/// Bytes of an e-mail address (RFC 5321 §4.5.3.1.3, less the brackets).
pub const EMAIL_BYTES: usize = 254;
/// How long an invitation's link works, in milliseconds: over a holiday.
pub const INVITATION_MS: u64 = 14 * 86_400_000;
/// How long the link of a new hub's set-up works, in milliseconds; `flip-hub setup` makes another.
pub const SETUP_MS: u64 = 7 * 86_400_000;
/// How long a link for a new password works where an admin ordered it, in milliseconds.
pub const RESET_ORDERED_MS: u64 = 3 * 86_400_000;
/// Mails that one look at the outbox tries: more are tried by the next.
pub const MAIL_ROUND: u32 = 20;
/// How long the mail server may take for each step, before the mail is tried again later.
pub const MAIL_STEP: Duration = Duration::from_secs(20);
/// The first wait before a mail is tried again, in milliseconds; each further one is twice as long.
pub const MAIL_AGAIN_MS: u64 = 5_000;
/// The longest such wait, in milliseconds.
pub const MAIL_AGAIN_MOST_MS: u64 = 3_600_000;
/// How long a mail is tried before it is given up, in milliseconds (RFC 5321 §4.5.4.1: four to five days).
pub const MAIL_LIFE_MS: u64 = 5 * 86_400_000;
/// How long the ledger remembers mails that were sent or given up, in milliseconds.
pub const MAIL_KEPT_MS: u64 = 30 * 86_400_000;
/// Characters kept of why a mail was not sent: servers say a lot.
pub const MAIL_WHY_CHARACTERS: usize = 400;
/// An hour, over which strangers are counted, in milliseconds.
pub const HOUR_MS: u64 = 3_600_000;
/// Mails an hour with a link for a new password to one address: who lost two may have a third.
pub const RESETS_ADDRESS_HOUR: u32 = 3;
/// The same for all addresses together, known or not: what a stranger can have the hub write and look up.
pub const RESETS_HOUR: u32 = 200;
/// How long the link of a forgotten password works, in milliseconds.
pub const RESET_ASKED_MS: u64 = 3_600_000;
/// Requests for access that are taken in an hour; more are told to try later.
pub const REQUESTS_HOUR: u32 = 60;
/// Requests for access that may wait: more than admins read.
pub const REQUESTS_OPEN: u32 = 1_000;
/// How long a request that was handled is remembered, in milliseconds.
pub const REQUEST_KEPT_MS: u64 = 90 * 86_400_000;
/// Characters of why somebody asks for access.
pub const ACCESS_REASON_CHARACTERS: usize = 1_000;
/// Admins who are told by mail that somebody asks for access.
pub const ADMINS_TOLD: u32 = 20;
/// Bytes of a name in a pickle that is scanned; the longest on the list has 30.
pub const SCAN_NAME_BYTES: usize = 128;
/// Bytes of a line of text in a pickle of protocol 0.
pub const SCAN_LINE_BYTES: usize = 1024 * 1024;
/// Bytes of a number that is written in digits, with its end: as many as Python itself reads, since its time grows with
/// their square.
pub const SCAN_DIGITS: usize = 4_303;
/// Values that a scanned pickle may keep at once, and places of its memo: many times a large model's, and at most some
/// 300 MB.
pub const SCAN_PICKLE_VALUES: usize = 1_000_000;
/// Values of a tuple with those of the tuples in it, each as often as it is met there. Few bytes can make a tuple of
/// tuples that takes years to be compared.
pub const SCAN_TUPLE_PARTS: u32 = 1_000_000;
/// How deep tuples may lie in each other: Python follows them without a look at its stack.
pub const SCAN_TUPLE_DEPTH: u32 = 1_000;
/// Bytes of a text file: it is read whole.
pub const SCAN_TEXT_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of an array's header, as NumPy takes it itself.
pub const SCAN_ARRAY_HEADER_BYTES: usize = 10_000;
/// Bytes of a header of safetensors: some 100,000 tensors.
pub const SCAN_TENSORS_HEADER_BYTES: usize = 16 * 1024 * 1024;
/// Files in an archive: some 30,000 are in a checkpoint of the largest models.
pub const SCAN_ENTRIES: u64 = 100_000;
/// Bytes of an archive's directory.
pub const SCAN_DIRECTORY_BYTES: u64 = 16 * 1024 * 1024;
/// How many times its own size an archive may hold; arrays that are mostly zero come near.
pub const SCAN_INFLATED_TIMES: u64 = 100;
/// Bytes that an archive may hold whatever its size.
pub const SCAN_INFLATED_BYTES: u64 = 1024 * 1024;
/// Lines of a source file that are pointed at; more say no more.
pub const SCAN_NOTES: usize = 200;
/// Results of a bundle that one transaction takes in.
pub const BUNDLE_BATCH: usize = 64;
/// How long the console's page waits for a bundle to be taken in; then it says how far it is.
pub const STICK_PAGE: Duration = Duration::from_secs(20);
/// Milliseconds for which that page says what came of a bundle that nobody waited for.
pub const STICK_NEWS_MS: u64 = 10 * 60_000;
/// Such bundles of one person: one after the other is taken in, each for longer than [`STICK_PAGE`].
pub const STICK_NEWS_OF_ONE: usize = 30;
/// Such bundles of all people: far more than are taken in within that time.
pub const STICK_NEWS: usize = 300;
/// Bytes of results of a bundle after which a transaction takes in no more: memory stays small, however long a bundle is.
pub const BUNDLE_BATCH_BYTES: usize = 1024 * 1024;
/// Bytes of a bundle where nobody says how large: what a stick with the filesystem that most of them have can hold in one
/// file.
pub const BUNDLE_BYTES: u64 = 4 * 1024 * 1024 * 1024 - 16 * 1024 * 1024;
/// Bytes of a model's file, as FLIP has it: 5 GiB.
pub const FILE_BYTES: u64 = 5 * 1024 * 1024 * 1024;
/// Bytes of all files of a model together: four of the largest.
pub const MODEL_BYTES: u64 = 20 * 1024 * 1024 * 1024;
/// Files of a model.
pub const MODEL_FILES: usize = 100;
/// Bytes of a file's name.
pub const FILE_NAME_BYTES: usize = 100;
/// Bytes that stay free on the disk of uploads: the ledger is on it too, in the usual hub.
pub const FREE_BYTES_LEFT: u64 = 256 * 1024 * 1024;
/// Bytes of an upload between two looks at how much is free.
pub const UPLOAD_FREE_LOOK: usize = 16 * 1024 * 1024;
/// How long a link to bring a file works, in milliseconds; another can be had meanwhile.
pub const UPLOAD_LINK_MS: u64 = 3_600_000;
/// How long a link to fetch a file works, in milliseconds: to follow it, not to keep it.
pub const DOWNLOAD_LINK_MS: u64 = 5 * 60_000;
/// How long nothing may come of a file's bytes before its request is given up.
pub const UPLOAD_IDLE: Duration = Duration::from_secs(30);
/// Pieces of an upload that wait for the disk; each is of what one read of the connection gave, up to some 400 kB.
pub const UPLOAD_PIECES_AHEAD: usize = 8;
/// Milliseconds after which an upload that nobody goes on with is given up: a night and a day.
pub const UPLOAD_ABANDONED_MS: u64 = 36 * 3_600_000;
/// How often uploads and quarantine are looked at without being told to.
pub const FILES_LOOK: Duration = Duration::from_secs(15);
/// Milliseconds for which a page that asks again is called the same where no change was announced.
pub const PAGE_SAME_MS: u64 = 5_000;
/// How long a scan may take, whatever the file's size.
pub const SCAN_TIME: Duration = Duration::from_mins(1);
/// Bytes that a scan reads in a second on the slowest disk: a file's size gives it more time.
pub const SCAN_BYTES_A_SECOND: u64 = 10 * 1024 * 1024;
/// Bytes of memory of a scan: beyond what its other bounds come to.
pub const SCAN_MEMORY_BYTES: u64 = 512 * 1024 * 1024;
/// How often a file is scanned whose scanner does not get to its end: what ends it may be the machine, or the file.
pub const SCAN_TRIES: u32 = 3;
/// How long after a scan that came to nothing the next begins; a little less than between two looks.
pub const SCAN_AGAIN: Duration = Duration::from_secs(10);
/// The longest that a file waits for its next scan where the machine let none begin: so soon a machine that is well
/// again is noticed.
pub const SCAN_PAUSE_MOST: Duration = Duration::from_mins(2);
/// Open files of a scan.
pub const SCAN_OPEN_FILES: u64 = 16;
/// Bytes of what a scan says: its notes, and a little.
pub const SCAN_SAID_BYTES: u64 = 64 * 1024;
