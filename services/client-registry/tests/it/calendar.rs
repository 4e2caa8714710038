use contracts::client_registry::v1::{
    Calendar, CalendarChanged, Closure, CreateCalendarRequest, GetCalendarRequest, Hours, ListCalendarsRequest,
    UpdateCalendarRequest,
};
use testkit::{TestDatabase, both_databases};
use tonic::Code;

use crate::support::{House, ROOT, fields, refusal, refusal_of, refused, week};

both_databases!(client_registry::MIGRATIONS;
    a_calendar_is_kept_and_told,
    an_update_raises_the_revision_and_is_told,
    a_calendar_in_no_zone_is_refused,
    a_calendar_without_a_working_day_is_refused,
    hours_that_end_before_they_begin_or_overlap_are_refused,
    a_region_without_known_holidays_is_refused,
    everything_wrong_in_a_calendar_is_told_at_once,
    a_refused_update_changes_nothing,
    a_stale_etag_a_taken_id_and_a_reused_request_id_are_refused,
    calendars_are_listed_in_pages_in_the_order_of_their_names,
    one_who_works_for_a_client_sees_its_calendar_and_the_firms_and_no_other,
    what_has_no_form_is_refused_by_field,
    a_label_may_be_left_out_but_is_not_blank,
);

fn create(id: &str, calendar: Calendar) -> CreateCalendarRequest {
    CreateCalendarRequest { calendar_id: id.into(), calendar: Some(calendar), ..Default::default() }
}

fn update(calendar: Calendar) -> UpdateCalendarRequest {
    UpdateCalendarRequest { calendar: Some(calendar), ..Default::default() }
}

fn hours(day: i32, open: &str, close: &str) -> Hours {
    Hours { day, open: open.into(), close: close.into() }
}

async fn a_calendar_is_kept_and_told(db: TestDatabase) {
    let house = House::open(db).await;
    let wanted = Calendar {
        week: vec![hours(7, "08:00", "12:00"), hours(7, "13:00", "24:00")],
        closures: vec![Closure { date: "2026-08-10".into(), label: "Works outing".into() }],
        ..week()
    };
    let made = house.calendars(ROOT).create_calendar(create("own", wanted.clone())).await.unwrap().into_inner();
    let made = made.calendar.unwrap();
    assert_eq!((made.name.as_str(), made.revision), ("calendars/own", 1));
    assert_eq!((&made.week, &made.closures), (&wanted.week, &wanted.closures));
    let get = GetCalendarRequest { name: made.name.clone() };
    assert_eq!(house.calendars(ROOT).get_calendar(get).await.unwrap().into_inner().calendar.unwrap(), made);
    let told = house.events::<CalendarChanged>().await;
    assert_eq!(told.last().unwrap(), &CalendarChanged { calendar: "calendars/own".into(), revision: 1 });
    let missing = GetCalendarRequest { name: "calendars/none".into() };
    assert_eq!(refusal(house.calendars(ROOT).get_calendar(missing).await), refused(Code::NotFound, "NOT_FOUND"));
}

async fn an_update_raises_the_revision_and_is_told(db: TestDatabase) {
    let house = House::empty(db).await;
    house.app.init("root", "Root", "root@firm.example").await.unwrap();
    let firm = house.calendar("firm").await;
    let wanted = Calendar { time_zone: "America/New_York".into(), holiday_regions: vec!["US".into()], ..firm };
    let changed = house.calendars(ROOT).update_calendar(update(wanted)).await.unwrap().into_inner().calendar.unwrap();
    assert_eq!((changed.time_zone.as_str(), changed.revision), ("America/New_York", 2));
    let told: Vec<_> = house.events::<CalendarChanged>().await.into_iter().map(|event| event.revision).collect();
    assert_eq!(told, [1, 2]);
    let missing = Calendar { name: "calendars/none".into(), ..week() };
    let answer = house.calendars(ROOT).update_calendar(update(missing)).await;
    assert_eq!(refusal(answer), refused(Code::NotFound, "NOT_FOUND"));
}

async fn refuses(house: &House, calendar: Calendar, reason: &str, paths: &[&str]) {
    let answer = house.calendars(ROOT).create_calendar(create("own", calendar)).await;
    assert_eq!(refusal_of(&answer), refused(Code::InvalidArgument, reason));
    assert_eq!(fields(answer), paths, "{reason}");
}

async fn a_calendar_in_no_zone_is_refused(db: TestDatabase) {
    let house = House::open(db).await;
    for zone in ["Mars/Olympus", "Europe/Londno", "../etc/passwd"] {
        let wrong = Calendar { time_zone: zone.into(), ..week() };
        refuses(&house, wrong, "UNKNOWN_TIME_ZONE", &["calendar.time_zone"]).await;
    }
}

async fn a_calendar_without_a_working_day_is_refused(db: TestDatabase) {
    let house = House::open(db).await;
    refuses(&house, Calendar { week: vec![], ..week() }, "NO_WORKING_DAY", &["calendar.week"]).await;
}

async fn hours_that_end_before_they_begin_or_overlap_are_refused(db: TestDatabase) {
    let house = House::open(db).await;
    let backwards = Calendar { week: vec![hours(1, "17:00", "09:00")], ..week() };
    refuses(&house, backwards, "BAD_HOURS", &["calendar.week[0].close"]).await;
    let overlapping = Calendar { week: vec![hours(1, "09:00", "12:00"), hours(1, "11:59", "17:00")], ..week() };
    refuses(&house, overlapping, "BAD_HOURS", &["calendar.week[1]"]).await;
}

async fn a_region_without_known_holidays_is_refused(db: TestDatabase) {
    let house = House::open(db).await;
    let wrong = Calendar { holiday_regions: vec!["GB-ENG".into(), "ZZ".into()], ..week() };
    refuses(&house, wrong, "UNKNOWN_HOLIDAY_REGION", &["calendar.holiday_regions[1]"]).await;
}

async fn everything_wrong_in_a_calendar_is_told_at_once(db: TestDatabase) {
    let house = House::open(db).await;
    let wrong = Calendar {
        time_zone: "Mars/Olympus".into(),
        week: vec![hours(1, "17:00", "09:00")],
        holiday_regions: vec!["ZZ".into()],
        closures: vec![Closure { date: "2026-02-30".into(), label: String::new() }],
        ..Default::default()
    };
    let paths =
        ["calendar.time_zone", "calendar.week[0].close", "calendar.holiday_regions[0]", "calendar.closures[0].date"];
    refuses(&house, wrong, "UNKNOWN_TIME_ZONE", &paths).await;
    assert_eq!(house.events::<CalendarChanged>().await.len(), 1, "the firm's own alone");
}

async fn a_refused_update_changes_nothing(db: TestDatabase) {
    let house = House::empty(db).await;
    house.app.init("root", "Root", "root@firm.example").await.unwrap();
    let firm = house.calendar("firm").await;
    let answer = house.calendars(ROOT).update_calendar(update(Calendar { week: vec![], ..firm.clone() })).await;
    assert_eq!(refusal(answer), refused(Code::InvalidArgument, "NO_WORKING_DAY"));
    let get = GetCalendarRequest { name: firm.name.clone() };
    assert_eq!(house.calendars(ROOT).get_calendar(get).await.unwrap().into_inner().calendar.unwrap(), firm);
}

async fn a_stale_etag_a_taken_id_and_a_reused_request_id_are_refused(db: TestDatabase) {
    let house = House::open(db).await;
    let own = house.calendar("own").await;
    house.calendars(ROOT).update_calendar(update(own.clone())).await.unwrap();
    let answer = house.calendars(ROOT).update_calendar(update(own)).await;
    assert_eq!(refusal(answer), refused(Code::Aborted, "STALE_ETAG"));
    let answer = house.calendars(ROOT).create_calendar(create("own", week())).await;
    assert_eq!(refusal(answer), refused(Code::AlreadyExists, "ALREADY_EXISTS"));
    let once = |zone: &str| CreateCalendarRequest {
        request_id: "r-1".into(),
        ..create("", Calendar { time_zone: zone.into(), ..week() })
    };
    let first = house.calendars(ROOT).create_calendar(once("Asia/Tokyo")).await.unwrap().into_inner();
    assert_eq!(house.calendars(ROOT).create_calendar(once("Asia/Tokyo")).await.unwrap().into_inner(), first);
    let answer = house.calendars(ROOT).create_calendar(once("Asia/Dubai")).await;
    assert_eq!(refusal(answer), refused(Code::InvalidArgument, "REQUEST_ID_REUSED"));
}

async fn names(house: &House, who: &str, page_size: i32) -> Vec<String> {
    let (mut seen, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListCalendarsRequest { page_size, page_token };
        let page = house.calendars(who).list_calendars(request).await.unwrap().into_inner();
        seen.extend(page.calendars.into_iter().map(|calendar| calendar.name.replace("calendars/", "")));
        if page.next_page_token.is_empty() {
            return seen;
        }
        page_token = page.next_page_token;
    }
}

async fn calendars_are_listed_in_pages_in_the_order_of_their_names(db: TestDatabase) {
    let house = House::open(db).await;
    for id in ["z", "a", "m"] {
        house.calendar(id).await;
    }
    for page_size in [1, 2, 3, 4, 0] {
        assert_eq!(names(&house, ROOT, page_size).await, ["a", "firm", "m", "z"], "{page_size} a page");
    }
}

async fn one_who_works_for_a_client_sees_its_calendar_and_the_firms_and_no_other(db: TestDatabase) {
    let house = House::open(db).await;
    house.calendar("own").await;
    house.calendar("foreign").await;
    house.staff("anna").await;
    let acme = house.client("acme", "anna").await;
    let moved = contracts::client_registry::v1::Client { calendar: "calendars/own".into(), ..acme };
    let request = contracts::client_registry::v1::UpdateClientRequest { client: Some(moved), ..Default::default() };
    house.clients("staff/anna").update_client(request).await.unwrap();
    assert_eq!(names(&house, "staff/anna", 1).await, ["own"]);
    house.policy().await;
    assert_eq!(names(&house, "staff/anna", 1).await, ["firm", "own"]);
    let get = |name: &str| GetCalendarRequest { name: name.into() };
    house.calendars("staff/anna").get_calendar(get("calendars/own")).await.unwrap();
    let answer = house.calendars("staff/anna").get_calendar(get("calendars/foreign")).await;
    assert_eq!(refusal(answer), refused(Code::NotFound, "NOT_FOUND"));
    let answer = house.calendars("staff/anna").create_calendar(create("mine", week())).await;
    assert_eq!(refusal(answer), refused(Code::PermissionDenied, "NO_PERMISSION"));
}

async fn what_has_no_form_is_refused_by_field(db: TestDatabase) {
    let house = House::open(db).await;
    let wrong = Calendar {
        week: vec![hours(0, "9:00", "25:00")],
        holiday_regions: vec!["england".into()],
        closures: vec![Closure { date: "tomorrow".into(), label: String::new() }],
        ..week()
    };
    let mut told = fields(house.calendars(ROOT).create_calendar(create("own", wrong)).await);
    told.sort();
    assert_eq!(
        told,
        [
            "calendar.closures[0].date",
            "calendar.holiday_regions[0]",
            "calendar.week[0].close",
            "calendar.week[0].day",
            "calendar.week[0].open"
        ]
    );
}

async fn a_label_may_be_left_out_but_is_not_blank(db: TestDatabase) {
    let house = House::open(db).await;
    let labelled = |label: &str| {
        let closures = vec![Closure { date: "2026-08-10".into(), label: label.into() }];
        create("own", Calendar { closures, ..week() })
    };
    for label in ["  ", "\u{200b}", "Works\nouting"] {
        let answer = house.calendars(ROOT).create_calendar(labelled(label)).await;
        assert_eq!(fields(answer), ["calendar.closures[0].label"], "{label:?}");
    }
    house.calendars(ROOT).create_calendar(labelled("")).await.unwrap();
}
