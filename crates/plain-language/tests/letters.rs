//! Ordinary polite letters, as firms send them each day: nothing blocks, and nothing is told but what is meant to be.

use plain_language::{Language, Profile, check};

const LETTERS: [&str; 14] = [
    "Dear Ms Berg,\n\nThank you for your message of 3 March. We have looked at the two open points and will send you our answer \
     by Thursday. If you need anything before then, please call me.\n\nKind regards,\nAnna Keller\nNile Advisory Ltd",
    "Hello Tom,\n\nthe new server is running since this morning. Nothing changes for your team. We will watch it until Friday and \
     write to you at once if we see anything unusual.\n\nBest regards\nLina",
    "Dear Mr. Okafor,\n\nwe are sorry that the report reached you late. The data came in on Tuesday evening, and we needed a day \
     to check it. The next report comes on Monday, as agreed.\n\nYours sincerely,\nJ. Marsh",
    "Good morning,\n\nthis week we closed four of your questions and opened two. One is still open: the change of the bank \
     account. We need a signed form for it. Could you please send it by Wednesday?\n\nMany thanks\nPriya",
    "Dear all,\n\nhere is what we agreed in our call today:\n\n- We send the draft by 12 May.\n- You tell us what is missing by \
     16 May.\n- The work starts on 20 May.\n\nPlease tell me if I missed anything.\n\nKind regards\nSam",
    "Dear Dr. Weiss,\n\nyour invoice no. 4711 was paid on 2 April. You should have received the money by now. If it did not \
     arrive, please write to accounts@firm.example.\n\nWith kind regards",
    "Hello,\n\nwe will deal with your request tomorrow and come back to you at the end of the day. Thank you for your patience.",
    "Dear Ms Ruiz,\n\nwe found the cause: a setting was wrong after the update on Sunday. We have mended it, and all reports of \
     this week are right again. We are sorry for the trouble this caused you. So that it does not happen again, two people now \
     look at each change.\n\nPlease call me at any time.\n\nAnna Keller",
    "Hi Jo, thanks for the quick answer! That is all I needed. Have a nice weekend.",
    "Dear Sir or Madam,\n\nwe confirm that we have received your complaint. A colleague who has not worked on your matter will \
     look at it. You will hear from us within five business days.\n\nYours faithfully,\nNile Advisory",
    "Weekly status update\n\nFor: Acme Ltd\nWeek: 2 to 8 March 2026\n\nThis week you sent us 3 inquiries. We answered all of \
     them within one business day. No issue is open.\n\nNext week we send the tax forms.",
    "Dear Ms Osei,\n\nthe tax office (HMRC) has changed its form for VAT. For you this means: from 1 May we send one page more. \
     The U.K. rules are on the page https://www.gov.example/vat/forms. There is nothing that you have to do.\n\nKind regards",
    "Dear Ms Berg,\n\nwe have not received the signed contract yet. Could you send it to us by Friday 9 a.m.? Without it we cannot \
     start on Monday. If it is on its way already, please excuse this letter.\n\nBest wishes\nTom",
    "Hello Mr Tan,\n\nthe meeting on Tuesday was helpful, thank you. I understand that the price is the main point for you. I will \
     ask our management and call you on Thursday between 10 and 11.\n\nKind regards\nMarie",
];

#[test]
fn ordinary_polite_letters_pass_clean() {
    for letter in LETTERS {
        let report = check(letter, &Profile::default());
        assert_eq!(report.language, Language::English, "{letter}");
        assert_eq!(report.findings, [], "{letter}");
    }
}
