//! What the program promises to whoever runs it on a machine far away, and which test holds it to that.
//!
//! A name is that of a file and of a test in it; the last test here looks whether they are there. Times are promised as
//! written, held to ten times that (a busy machine fails no test), and measured by the benches.
//!
//! | promise | held by |
//! |---|---|
//! | A panic of a worker is a failed job, the screen lives | `src/tui/app/tests/work.rs::a_panic_in_a_job_is_a_failed_job`, `src/analysis/jobs.rs::a_panic_is_a_failed_job_and_nothing_more` |
//! | A panic of the screen gives the terminal back as it was, mode by mode, then says where its log is | `tests/pty.rs::a_panic_while_drawing_restores_the_terminal_and_leaves_a_log` |
//! | Logs are their owner's alone, the newest five, and no second crash | `src/tui/kept.rs::only_their_owner_reads_them`, `src/tui/kept.rs::the_newest_of_a_kind_are_kept_and_other_files_left_alone`, `src/tui/crash.rs::a_folder_that_cannot_be_made_is_no_second_crash` |
//! | SIGHUP, SIGTERM or a closed terminal end the program in a second, at rest, at work, and where the line takes nothing | `tests/pty.rs::a_broken_connection_ends_the_program`, `tests/pty.rs::sigterm_restores_the_terminal`, `tests/pty.rs::a_program_at_work_ends_as_soon`, `tests/pty.rs::a_terminal_that_takes_nothing_more_keeps_nobody_from_ending` |
//! | Ctrl-Z, SIGTSTP or SIGSTOP, then SIGCONT: the same screen | `tests/pty.rs::a_stop_gives_the_terminal_back_and_going_on_brings_the_same_screen`, `tests/pty.rs::a_hard_stop_is_survived_as_well` |
//! | Every page, prompt, question and list at every size from 1 x 1 to 300 x 100 | `tests/sizes.rs::every_scene_is_drawn_at_every_size`, `tests/sizes.rs::sizes_that_no_buffer_holds_are_cut` |
//! | Every page as it looks at four sizes; the facts that matter at 80 x 24 | `src/tui/views/tests.rs::every_page_at_four_sizes`, `src/tui/views/tests.rs::at_the_common_size_the_map_tells_the_primary_facts` |
//! | Below the least size one line says so | `src/tui/views/tests.rs::a_screen_that_is_too_small_says_what_is_needed` |
//! | No byte while nothing happens, with jobs done and with the mouse on | `tests/line.rs::nothing_is_written_while_nothing_happens`, `tests/budgets.rs::what_changes_nothing_costs_nothing` |
//! | Moves, pans and zooms within their bytes | `tests/budgets.rs::moves_pans_and_zooms_stay_within_their_byte_budgets`, `tests/budgets.rs::the_cursor_of_a_list_costs_no_more_than_that_of_the_map`, `tests/budgets.rs::typing_costs_a_line_and_not_a_frame` |
//! | Fifty keys at once are three frames at most; 20 frames a second over SSH, 60 elsewhere | `tests/line.rs::many_keys_at_once_are_few_frames`, `tests/line.rs::frames_come_no_faster_than_the_line_is_thought_to_take_them`, `tests/line.rs::a_map_that_forms_is_drawn_no_faster_either` |
//! | A frame is one write between the marks of a synchronized update, and makes an emulator show it exactly | `src/tui/screen/tests.rs::a_frame_is_one_write_between_marks`, `src/tui/screen/tests.rs::differences_add_up_to_the_frame` |
//! | Only what every terminal understands is sent; nothing is asked, no title set, nothing cleared but once | `tests/line.rs::only_what_every_terminal_understands_is_sent_and_nothing_is_asked` |
//! | `NO_COLOR`: no colour; ASCII: seven bits; GNU screen: no 24-bit colour | `tests/line.rs::without_colour_no_colour_is_sent_and_ascii_is_seven_bits`, `tests/line.rs::screen_never_gets_24_bit_colour`, `src/tui/capabilities.rs::colour_follows_the_order_of_the_rules`, `src/tui/capabilities.rs::terminfo_stands_between_colorterm_and_the_name`, `src/tui/capabilities.rs::the_rule_that_decides_is_named` |
//! | Glyphs by the effective locale, the background by a hint, dark without one | `src/tui/capabilities.rs::glyphs_follow_the_effective_locale`, `src/tui/capabilities.rs::the_background_hint_is_read_and_dark_is_the_default` |
//! | Replies that nobody asked for change nothing, wherever they are cut, while a line is typed as well | `tests/line.rs::replies_nobody_asked_for_change_nothing_wherever_they_are_cut`, `src/tui/decode/tests.rs::replies_nobody_asked_for_change_nothing`, `src/tui/decode/tests.rs::a_reply_that_comes_in_two_parts_far_apart_is_no_text` |
//! | 200 sizes in a second end with the frame of the last; the signal alone, and Ctrl-L, paint everything | `tests/line.rs::a_storm_of_sizes_ends_with_the_frame_of_the_last`, `tests/line.rs::a_terminal_that_lost_its_screen_gets_all_of_it_again`, `tests/line.rs::a_new_size_is_a_new_frame_of_that_size` |
//! | No terminal, a dumb one, a closed or a full output: the summary, no escape, the right code | `tests/acceptance.rs::without_a_terminal_there_is_no_escape`, `tests/acceptance.rs::an_output_that_is_closed_or_full_is_no_panic`, `tests/pty.rs::a_dumb_terminal_gets_the_summary`, `tests/cli.rs::a_reader_that_leaves_ends_the_program_in_peace` |
//! | Keys come from the terminal where standard input is none | `tests/pty.rs::keys_come_from_the_terminal_where_standard_input_is_none` |
//! | Commands, keys, help and README are one table; no key has two meanings | `src/tui/keymap.rs::help_hints_and_readme_know_every_command`, `src/tui/keymap.rs::contradictions_are_refused`, `src/tui/action.rs::every_action_has_exactly_one_row`, `src/tui/action.rs::no_key_is_one_that_terminals_or_multiplexers_take`, `src/tui/app/tests/typing.rs::every_command_of_the_palette_can_be_run_from_every_page`, `src/tui/app/tests/keys.rs::every_rebound_command_shows_its_key_in_hints_help_palette_and_prefix_box` |
//! | A cancelled kernel stops in 100 ms; what was found before stays | `tests/liveness.rs::what_the_jobs_of_the_map_do_can_be_cancelled`, `tests/liveness.rs::what_the_other_jobs_do_can_be_cancelled`, `tests/liveness.rs::every_way_to_group_can_be_cancelled`, `src/tui/app/tests/cancelling.rs::what_was_found_before_stays_whatever_is_cancelled` |
//! | The same bytes at any number of threads, of every verb and method | `tests/threads.rs::every_result_is_the_same_at_any_number_of_threads`, `tests/threads.rs::no_verb_and_no_method_is_left_out` |
//! | The first frame of a large file in 100 ms, with its shape | `tests/line.rs::the_first_frame_of_a_large_file_comes_at_once` |
//! | A bad file is refused by path, shape, type and what was expected, before the terminal is touched | `tests/pty.rs::what_cannot_be_opened_is_told_without_touching_the_terminal`, `tests/cli.rs::bad_input_says_what_where_and_what_to_try`, `tests/hostile.rs::a_hostile_file_of_arrays_is_refused_in_one_paragraph` |
//! | Turned and shuffled rows have the same clusters and neighbours | `tests/properties.rs::clusters_and_neighbours_survive_a_rotation_and_a_permutation`, `src/geometry/cluster/tests.rs::shuffled_rows_keep_their_clusters` |
//! | Copies go through tmux and GNU screen; what is too long is cut, said, and written to a file whole | `src/tui/clipboard.rs::each_multiplexer_gets_its_envelope`, `src/tui/clipboard.rs::long_text_is_cut_between_characters_and_the_cut_is_told`, `src/tui/app/tests/moving.rs::what_is_too_long_for_the_clipboard_is_written_to_a_file_whole` |
//! | Progress: four times a second at most, never 100 % before the end, time left after two seconds | `src/task.rs::progress_is_never_whole_before_the_end_and_foretells_nothing_at_once`, `src/tui/app/tests/cancelling.rs::what_was_found_before_stays_whatever_is_cancelled` |
//! | The mouse is off until it is asked for, and everything it does has a key | `tests/line.rs::only_what_every_terminal_understands_is_sent_and_nothing_is_asked`, `src/tui/app/tests/work.rs::the_mouse_selects_zooms_and_drags` |
//! | Text from files never acts on the terminal | `tests/hostile.rs::no_frame_lets_planted_text_act`, `tests/hostile.rs::no_verb_lets_planted_text_act` |

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs a line of shell with the program in `$0`, as a terminal of many colours would be told, and nothing attached.
fn shell(line: &str, environment: &[(&str, &str)]) -> Output {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new("/bin/bash");
    command.args(["-o", "pipefail", "-c", line, env!("CARGO_BIN_EXE_saescope")]);
    command.env_clear().current_dir(home.path()).stdin(Stdio::null());
    command.env("PATH", "/usr/bin:/bin").env("HOME", home.path());
    command.envs([("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")]);
    command.envs(environment.iter().copied());
    command.output().unwrap()
}

#[test]
fn without_a_terminal_there_is_no_escape() {
    for (line, environment) in [
        ("\"$0\" @example/concepts | cat", &[][..]),
        ("\"$0\" @example/concepts </dev/null", &[]),
        ("\"$0\" @example/concepts --mouse --glyphs braille", &[]),
        ("\"$0\" @example/concepts", &[("TERM", "dumb")]),
        ("\"$0\" info @example/concepts", &[("NO_COLOR", "1")]),
        ("\"$0\" neighbors @example/concepts --feature 3", &[]),
        ("\"$0\" render @example/concepts --view help", &[]),
        ("\"$0\" --help", &[]),
    ] {
        let output = shell(line, environment);
        assert_eq!(output.status.code(), Some(0), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(!output.stdout.is_empty(), "{line}");
        let escapes = [&output.stdout, &output.stderr].iter().any(|bytes| bytes.contains(&0x1b));
        assert!(!escapes, "{line} {environment:?}");
    }
    // The screen that was asked for is the summary.
    let text = |line: &str| String::from_utf8(shell(line, &[]).stdout).unwrap();
    assert_eq!(text("\"$0\" @example/concepts"), text("\"$0\" info @example/concepts"));
    // What went wrong has its code there as well, and no escape.
    for (line, code) in [("\"$0\" /no/such/file | cat", 2), ("\"$0\" --no-such-flag", 2)] {
        let output = shell(line, &[]);
        assert_eq!(output.status.code(), Some(code), "{line}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty() && !output.stderr.contains(&0x1b), "{line}");
    }
}

#[test]
fn an_output_that_is_closed_or_full_is_no_panic() {
    for (line, code) in [
        ("\"$0\" @example/concepts >&-", 0),
        ("\"$0\" @example/concepts >&- 2>&-", 0),
        ("\"$0\" /no/such/file 2>&-", 2),
        ("\"$0\" info @example/concepts --json | true", 0),
        ("\"$0\" @example/concepts >/dev/full", 2),
        ("\"$0\" /no/such/file 2>/dev/full", 2),
    ] {
        let output = shell(line, &[]);
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{line}: {complaint}");
        assert!(!complaint.contains("panicked"), "{line}: {complaint}");
    }
}

#[test]
fn every_promise_names_tests_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = std::fs::read_to_string(root.join("tests/acceptance.rs")).unwrap();
    let mut checked = 0;
    for line in source.lines().filter(|line| line.starts_with("//! |")) {
        let names: Vec<&str> = line.split('`').filter(|part| part.contains(".rs::")).collect();
        assert!(!names.is_empty() || line.contains("held by") || line.contains("|---|"), "{line}");
        for name in names {
            let (file, test) = name.split_once("::").unwrap();
            let text = std::fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            assert!(text.contains(&format!("fn {test}(")), "{name} is not there");
            checked += 1;
        }
    }
    assert!(checked > 50, "{checked}");
}
