//! Vulnerable code to repair and files to review.

tasks! {
    resolve_upload,
    find_notes,
    backup_command,
    checked_host,
    next_page,
    comment_html,
    constant_time_equal,
    load_profile,
    plan_extraction,
    parse_tags,
    token_ledger,
    vault,
    review_web_app,
    review_credentials,
    review_token_contract,
}
