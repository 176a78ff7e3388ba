//! Commands that print and exit: `schedule` and `completions`. They need no cluster and no configuration.

use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::Value;

use super::Setup;

/// Runs the exporter with these arguments. Returns exit code, standard output and standard error.
fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let setup = arguments
        .iter()
        .fold(Setup::new(), |setup, argument| setup.argument(argument));
    setup.run_text()
}

#[test]
fn a_schedule_is_explained_without_a_cluster() {
    let (code, stdout, stderr) = run(&[
        "--log.level=error",
        "schedule",
        "0 9 * * 1-5",
        "--time-zone=Europe/Berlin",
        "--from=2026-03-27",
        "--count=2",
    ]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_eq!(
        stdout,
        "\
schedule   0 9 * * 1-5
in words   at 09:00 on Monday to Friday
time zone  Europe/Berlin
from       2026-03-27T00:00:00+01:00

DUE (LOCAL TIME)               UTC
Fri 2026-03-27T09:00:00+01:00  2026-03-27T08:00:00Z
Mon 2026-03-30T09:00:00+02:00  2026-03-30T07:00:00Z  clocks went forward 1 h
"
    );
}

#[test]
fn due_times_from_now_on_are_in_the_future() {
    let (code, stdout, stderr) = run(&["schedule", "* * * * *", "--output=json"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let value: Value = serde_json::from_str(&stdout).unwrap();
    let due = value["due"].as_array().unwrap();
    assert_eq!(due.len(), 10);
    let time = |text: &Value| text.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(time(&due[0]["utc"]) >= time(&value["from"]), "{stdout}");
}

#[test]
fn an_invalid_schedule_exits_with_2_and_says_what_is_possible() {
    for (arguments, expected) in [
        (
            &["schedule", "0 0 * * 7"][..],
            "error: invalid schedule: day of week `7`: 7 is not in 0 (Sunday) to 6\n\
             hint: Sunday is `0` or `sun`\n",
        ),
        (
            &["schedule", "@daily", "--time-zone=Europe/Berln"],
            "error: `Europe/Berln` is not a time zone\nhint: did you mean `Europe/Berlin`?\n",
        ),
        (
            &["schedule", "TZ=UTC @daily", "--time-zone=UTC"],
            "error: invalid schedule: the time zone is named twice, in the schedule and in `timeZone`\n\
             hint: write the schedule alone, and name the zone in `timeZone`\n",
        ),
    ] {
        let (code, stdout, stderr) = run(arguments);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert_eq!(stderr, expected);
    }
    let (code, stdout, stderr) = run(&["schedule", "@daily", "--from=soon"]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(
        stderr.contains("neither a date such as 2026-03-28 nor a time"),
        "{stderr}"
    );
}

#[test]
fn the_documentation_shows_what_the_command_prints() {
    let documentation = fs::read_to_string("docs/commands.md").unwrap();
    let berlin = ["schedule", "30 2 * * *", "--time-zone", "Europe/Berlin"];
    for arguments in [
        &[&berlin[..], &["--from", "2026-03-28", "--count", "3"]].concat()[..],
        &[
            &berlin[..],
            &["--from", "2026-10-25", "--count", "2", "--output", "json"],
        ]
        .concat(),
        &["schedule", "0 0 * * 7"],
        &["schedule", "@daily", "--time-zone", "Europe/Berln"],
    ] {
        let (_, stdout, stderr) = run(arguments);
        let printed = stdout + &stderr;
        assert!(documentation.contains(&printed), "{printed}");
    }
}

#[test]
fn there_is_a_completion_script_for_each_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, stdout, stderr) = run(&["completions", shell]);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{shell}");
        for part in [
            "job-status-exporter",
            "config.file",
            "schedule",
            "time-zone",
        ] {
            assert!(
                stdout.contains(part),
                "{part} is not in the script for {shell}"
            );
        }
    }
}

#[test]
fn bash_completes_commands_flags_and_values() {
    let (_, mut script, _) = run(&["completions", "bash"]);
    // Calls the registered function as bash does: the command, the word at the cursor, the word before.
    script.push_str(
        r#"
complete_words() {
    local function=$(complete -p job-status-exporter | sed 's/.* -F \([^ ]*\) .*/\1/')
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    "$function" "$1" "${@: -1}" "${@: -2:1}"
    echo "${COMPREPLY[*]}"
}
complete_words job-status-exporter sch
complete_words job-status-exporter --config.f
complete_words job-status-exporter schedule --time
complete_words job-status-exporter schedule --output ""
complete_words job-status-exporter history ex
complete_words job-status-exporter history import --config
"#,
    );
    let mut bash = Command::new("bash")
        .args(["--noprofile", "--norc"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    bash.stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    let output = bash.wait_with_output().unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "schedule\n--config.file\n--time-zone\ntable json\nexport\n--config.file\n"
    );
}
