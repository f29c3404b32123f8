//! Settings, and what stands around the screen: where values come from, what a broken file stops and what it does not,
//! and the texts that packagers keep, to the byte.
//!
//! `INSTA_UPDATE=always cargo test --test settings` rewrites the kept texts.

#[path = "support/program.rs"]
mod program;

use program::{Output, Program};
use serde_json::Value;
use std::fs;

/// A program whose settings file says this.
fn with_settings(text: &str) -> Program {
    let program = Program::new();
    fs::create_dir_all(program.path("config/saescope")).unwrap();
    fs::write(program.path("config/saescope/config.toml"), text).unwrap();
    program
}

fn setting(program: &Program, args: &[&str], variables: &[(&str, &str)], name: &str) -> (Value, String) {
    let output = program.run_with(&[&["config", "--json"], args].concat(), variables);
    assert_eq!(output.code, 0, "{}", output.stderr);
    let all: Value = serde_json::from_str(&output.stdout).unwrap();
    let row = &all["settings"][name];
    (row["value"].clone(), row["source"].as_str().unwrap().to_string())
}

#[test]
fn flags_win_over_variables_over_the_file_over_defaults() {
    let program = with_settings("threads = 2\nneighbors = 30\n");
    let threads = |args: &[&str], variables: &[(&str, &str)]| setting(&program, args, variables, "threads");
    assert_eq!(setting(&program, &[], &[], "min_dist"), (0.1.into(), "default".into()));
    assert_eq!(threads(&[], &[]), (2.into(), "file".into()));
    assert_eq!(threads(&[], &[("SAESCOPE_THREADS", "3")]), (3.into(), "environment".into()));
    assert_eq!(threads(&["--threads", "4"], &[("SAESCOPE_THREADS", "3")]), (4.into(), "flag".into()));
    assert_eq!(setting(&program, &["--neighbors", "9"], &[], "neighbors"), (9.into(), "flag".into()));
    assert_eq!(setting(&program, &["--theme=light"], &[], "theme.name"), ("light".into(), "flag".into()));
    // A flag stands before or after the verb.
    let output = program.run(&["--threads", "5", "config"]);
    assert!(output.stdout.contains("threads = 5") && output.stdout.contains("# --threads"), "{}", output.stdout);
}

#[test]
fn what_is_printed_is_a_file_of_settings_that_says_the_same() {
    let text = "threads = 2\n[theme]\nnoise = \"#808080\"\nclusters = [\"red\", \"auto\"]\n[keys]\n\"app.quit\" = [\"Q\"]\n\
                [keys.map]\n\"map.fit\" = [\"F5\", \"0\"]\n";
    let program = with_settings(text);
    let shown = program.ok(&["config"]);
    assert!(shown.contains("keys.map.\"map.fit\" = [\"F5\", \"0\"]"), "{shown}");
    fs::write(program.path("again.toml"), &shown).unwrap();
    let again = program.ok(&["config", "--show", "--config", "again.toml"]);
    let values = |text: &str| -> Vec<String> {
        text.lines().skip(1).map(|line| line.split("  #").next().unwrap().trim().to_string()).collect()
    };
    assert_eq!(values(&shown), values(&again));
    let json = program.json(&["config", "--json"]);
    assert_eq!(json["settings"]["keys.app.quit"]["value"], serde_json::json!(["Q"]));
    assert_eq!(json["settings"]["keys.app.quit"]["line"], 6);
    assert_eq!(json["exists"], true);
}

#[test]
fn a_broken_file_stops_the_verbs_that_need_it_and_helps_to_be_mended() {
    let program = with_settings("threads = 2\nthread = 3\n");
    for args in
        [&["info"][..], &["cache"], &["config"], &["config", "--json"], &["render", "@example", "--view", "map"], &[]]
    {
        let said = program.fails(2, args);
        assert!(said.contains("config.toml:2:1: there is no setting thread") && said.contains("try threads"), "{said}");
    }
    let path = program.path("config/saescope/config.toml").display().to_string();
    assert_eq!(program.ok(&["config", "--path"]).trim(), path);
    assert!(program.ok(&["config", "--template"]).contains("#threads = 0"));
    assert!(program.ok(&["doctor"]).contains("wrong: ") && program.ok(&["man"]).starts_with(".ie"));
    let doctor = program.json(&["doctor", "--json"]);
    assert!(doctor["problems"][0].as_str().unwrap().contains("config.toml:2:1"), "{doctor}");
    program.ok(&["completions", "fish"]);
    // Another file, or none, is a way out as well.
    program.ok(&["info", "--config", "/dev/null"]);
    let output = program.run_with(&["info"], &[("SAESCOPE_CONFIG", "/dev/null")]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(program.fails(2, &["info", "--config", "none.toml"]).contains("none.toml"));
}

#[test]
fn a_variable_that_cannot_be_is_named() {
    let program = Program::new();
    for (name, value, words) in [
        ("SAESCOPE_THREADS", "many", "SAESCOPE_THREADS=many in the environment; expected a whole number"),
        ("SAESCOPE_SEED", "-1", "SAESCOPE_SEED=-1 in the environment; expected a whole number from 0 on"),
        ("SAESCOPE_COLOR", "sometimes", "SAESCOPE_COLOR=sometimes in the environment; expected auto, always, never"),
        ("SAESCOPE_NO_CACHE", "perhaps", "expected true or false"),
        ("SAESCOPE_CACHE_LIMIT", "much", "a size such as"),
        ("SAESCOPE_CONFIG", "/no/such", "SAESCOPE_CONFIG: /no/such"),
    ] {
        let Output { code, stdout, stderr } = program.run_with(&["info"], &[(name, value)]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{name}");
        assert!(stderr.contains(words), "{stderr}");
        assert_eq!(program.run_with(&["doctor"], &[(name, value)]).code, 0, "{name}");
        assert_eq!(program.run_with(&["info"], &[(name, "")]).code, 0, "an empty {name} is none");
    }
}

#[test]
fn settings_do_what_their_flags_do() {
    let program =
        with_settings("color = \"always\"\ncache_limit = \"1 kB\"\nglyphs = \"ascii\"\nmin_cluster_size = 400\n");
    let render = ["render", "@example/concepts", "--view", "map", "--size", "80x24"];
    let frame = program.ok(&render);
    assert!(frame.contains("\u{1b}[") && frame.is_ascii(), "{frame}");
    // Nothing is as small as the limit, so nothing is kept.
    assert_eq!(program.json(&["cache", "--json"])["entries"], serde_json::json!([]));
    // A cluster of 400 of 192 features: the wish holds, and makes none.
    assert!(frame.contains("0 clusters"), "{frame}");
    let never = program.run_with(&render, &[("SAESCOPE_COLOR", "never"), ("SAESCOPE_GLYPHS", "braille")]);
    assert!(!never.stdout.contains('\u{1b}') && !never.stdout.is_ascii());
    let flags = [&render[..], &["--glyphs", "auto", "--color", "never"]].concat();
    assert!(!program.ok(&flags).contains('\u{1b}'));
    // The whole order of colour: flag, variable, file, NO_COLOR, FORCE_COLOR, then what the terminal is called.
    let plain = Program::new();
    let never = with_settings("color = \"never\"\n");
    let always = with_settings("color = \"always\"\n");
    let mono = with_settings("[theme]\nname = \"mono\"\n");
    for (program, flag, variables, coloured) in [
        (&always, Some("never"), &[("SAESCOPE_COLOR", "always")][..], false),
        (&never, Some("always"), &[("SAESCOPE_COLOR", "never")], true),
        (&always, Some("auto"), &[], false),
        (&never, None, &[("SAESCOPE_COLOR", "always")], true),
        (&always, None, &[], true),
        (&never, None, &[("NO_COLOR", ""), ("FORCE_COLOR", "3")], false),
        (&plain, None, &[("FORCE_COLOR", "3")], false),
        (&plain, None, &[("NO_COLOR", ""), ("FORCE_COLOR", "3")], true),
        (&plain, None, &[("NO_COLOR", ""), ("COLORTERM", "truecolor")], false),
        (&mono, None, &[("NO_COLOR", ""), ("FORCE_COLOR", "3")], false),
        (&mono, Some("always"), &[], true),
    ] {
        let flags: Vec<&str> = flag.into_iter().flat_map(|flag| ["--color", flag]).collect();
        let found = program.run_with(&[&["doctor"][..], &flags].concat(), variables).stdout.contains("\u{1b}[3");
        let drawn = program.run_with(&[&["doctor", "--json"][..], &flags].concat(), variables).stdout;
        let told = !drawn.contains("\"colours\":\"none\"");
        assert_eq!(told, coloured, "{flag:?} {variables:?}: {drawn}");
        // The strips themselves are only drawn on a terminal, or where colours are asked for.
        assert!(!found || coloured, "{flag:?} {variables:?}");
    }
    // Wishes for maps are cut to small dictionaries; a flag is taken at its word.
    let wide = with_settings("neighbors = 5000\nmin_samples = 5000\n");
    wide.ok(&render);
    assert!(wide.fails(2, &[&render[..], &["--neighbors", "5000"]].concat()).contains("5000 neighbours"));
    // Verbs that write results take their flags alone.
    let seeded = program.run_with(&["synth", "rings", "-o", "planted", "--features", "64"], &[("SAESCOPE_SEED", "7")]);
    assert_eq!(seeded.code, 0, "{}", seeded.stderr);
    let truth: Value = serde_json::from_slice(&fs::read(program.path("planted/truth.json")).unwrap()).unwrap();
    assert_eq!(truth["seed"], 7, "{truth}");
}

#[test]
fn keys_and_colours_of_the_file_are_on_the_frame() {
    let program = with_settings(
        "[keys]\n\"find.search\" = [\"F6\"]\n\"map.fit\" = [\"F7\"]\n[theme]\nclusters = [\"#010203\"]\n",
    );
    let help = program.ok(&["render", "@example/concepts", "--view", "help", "--size", "120x40"]);
    assert!(help.contains("F7 ") && help.contains("F6 search ") && help.contains("F6 searches"), "{help}");
    let map = ["render", "@example/concepts", "--view", "map", "--color", "always"];
    let coloured = program.run_with(&map, &[("COLORTERM", "truecolor")]).stdout;
    assert!(coloured.contains("38;2;1;2;3"), "the first cluster has the colour that was chosen");
    let fewer = program.run_with(&map, &[("TERM", "screen-256color"), ("COLORTERM", "truecolor")]).stdout;
    assert!(!fewer.contains("38;2") && fewer.contains("38;5;"));
}

#[test]
fn nothing_that_is_printed_to_a_pipe_has_an_escape() {
    let program = Program::new();
    for variables in
        [&[][..], &[("TERM", "dumb")], &[("NO_COLOR", "1")], &[("TERM", "screen"), ("COLORTERM", "truecolor")]]
    {
        for args in [
            &["doctor"][..],
            &["doctor", "--json"],
            &["doctor", "--glyphs", "ascii"],
            &["config"],
            &["config", "--path"],
            &["config", "--template"],
            &["completions", "bash"],
            &["completions", "powershell"],
            &["man"],
            &["man", "doctor"],
        ] {
            let Output { code, stdout, stderr } = program.run_with(args, variables);
            assert_eq!((code, stderr.as_str()), (0, ""), "{args:?}");
            assert!(!stdout.is_empty() && !stdout.contains('\u{1b}'), "{args:?}");
        }
    }
    let always = program.run_with(&["doctor", "--color", "always"], &[("TERM", "xterm"), ("LANG", "C.UTF-8")]);
    assert!(always.stdout.contains("\u{1b}[38;2;") && always.stdout.contains('⣿'));
    let screen = program.run_with(&["doctor", "--color", "always"], &[("TERM", "screen"), ("COLORTERM", "truecolor")]);
    assert!(!screen.stdout.contains("38;2") && screen.stdout.contains("GNU screen mangles it"));
    let ascii = program.run_with(&["doctor", "--color", "always", "--glyphs", "ascii"], &[]);
    assert!(ascii.stdout.is_ascii() && ascii.stdout.contains("##"));
    assert!(program.fails(2, &["doctor", "--copy"]).contains("no terminal"));
}

#[test]
fn doctor_names_what_decided() {
    let program = with_settings("glyphs = \"sextant\"\n[theme]\nname = \"light\"\n");
    let variables = [
        ("SSH_CONNECTION", "1 2 3 4"),
        ("TMUX", "/run/tmux,1,0"),
        ("TERM", "tmux-256color"),
        ("SAESCOPE_FPS_SSH", "7"),
    ];
    let told: Value = serde_json::from_str(&program.run_with(&["doctor", "--json"], &variables).stdout).unwrap();
    let chosen = &told["chosen"];
    assert_eq!(
        (&chosen["glyphs"], &chosen["glyphs_why"]),
        (&"sextant".into(), &"asked for by line 1 of the settings".into())
    );
    assert_eq!(
        (&chosen["ground"], &chosen["ground_why"]),
        (&"light".into(), &"asked for by line 3 of the settings".into())
    );
    assert_eq!(chosen["frames_per_second"], 7);
    assert_eq!(chosen["colours_why"], "NO_COLOR is set");
    assert_eq!((&told["terminal"]["ssh"], &told["terminal"]["multiplexer"]), (&true.into(), &"tmux".into()));
    assert!(told["clipboard"]["sends"].as_str().unwrap().contains("Ptmux"));
    assert_eq!(told["places"]["settings_why"], "read");
    let flagged = program.json(&["doctor", "--json", "--color", "always", "--glyphs", "ascii"]);
    assert!(flagged["chosen"]["colours_why"].as_str().unwrap().starts_with("asked for by --color, "));
    assert_eq!(flagged["chosen"]["glyphs_why"], "asked for by --glyphs");
}

/// What a shell completes, what a packager installs, and what a new user begins with.
#[test]
fn kept_texts_change_only_on_purpose() {
    let program = Program::new();
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("template", program.ok(&["config", "--template"]));
        insta::assert_snapshot!("man", program.ok(&["man"]));
        insta::assert_snapshot!("man_render", program.ok(&["man", "render"]));
        for shell in ["bash", "zsh", "fish"] {
            insta::assert_snapshot!(format!("completions_{shell}"), program.ok(&["completions", shell]));
        }
    });
    for shell in ["elvish", "powershell"] {
        let script = program.ok(&["completions", shell]);
        assert!(script.contains("doctor") && script.contains("min-cluster-size"), "{shell}");
    }
    let later = program.ok(&["completions", "bash"]);
    assert!(!later.contains("superposition"), "what is not in this build is not completed");
    assert!(program.fails(2, &["completions", "tcsh"]).contains("bash"));
    assert!(program.fails(2, &["man", "dcotor"]).contains("try saescope man doctor"));
}
