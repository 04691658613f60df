//! Writes `include/tp.h`, section by section from `src/capi/`, and gives libtp.so its name and hardening flags.
//!
//! cbindgen's order is fixed within one run, so each file of `SECTIONS` is a run of its own; that file's `//!` is the
//! section's introduction. The header is committed, and rewritten only where it differs.

use std::error::Error;
use std::fs;
use std::path::Path;

const SECTIONS: [&str; 10] =
    ["status", "pool", "submit", "wait", "future", "group", "parallel", "sort", "blocking", "worker"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=src/capi");
    println!("cargo::rerun-if-changed=include/tp.h");
    for flag in ["-soname,libtp.so.0", "-z,nodelete", "-z,relro", "-z,now", "-z,noexecstack"] {
        println!("cargo::rustc-cdylib-link-arg=-Wl,{flag}");
    }
    let header = Path::new("include/tp.h");
    let text = generate()?;
    if fs::read_to_string(header).unwrap_or_default() != text {
        fs::write(header, text)?;
    }
    Ok(())
}

fn generate() -> Result<String, Box<dyn Error>> {
    let mut text = preamble(&fs::read_to_string("src/capi/preamble.h")?)?;
    for name in SECTIONS {
        let path = format!("src/capi/{name}.rs");
        text.push('\n');
        text.push_str(&introduction(&fs::read_to_string(&path)?));
        text.push('\n');
        text.push_str(&parenthesize(&declarations(&path)?));
    }
    text.push_str("\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    Ok(text)
}

fn preamble(template: &str) -> Result<String, std::env::VarError> {
    let mut text = template.replace("@VERSION@", &std::env::var("CARGO_PKG_VERSION")?);
    for part in ["MAJOR", "MINOR", "PATCH"] {
        text = text.replace(&format!("@{part}@"), &std::env::var(format!("CARGO_PKG_VERSION_{part}"))?);
    }
    Ok(text)
}

/// A file's `//!` lines as a comment: a rule with the title in it, then the prose.
fn introduction(source: &str) -> String {
    let mut lines =
        source.lines().map_while(|line| line.strip_prefix("//!")).map(|line| line.strip_prefix(" ").unwrap_or(line));
    let title = lines.next().unwrap_or_default();
    let mut text = format!("// ---- {title} {}\n", "-".repeat(100 - title.len()));
    for line in lines {
        text.push_str(format!("// {line}").trim_end());
        text.push('\n');
    }
    text
}

/// `#define NAME -1` as `#define NAME (-1)`, so that it is one operand wherever it stands.
fn parenthesize(declarations: &str) -> String {
    let mut text = String::new();
    for line in declarations.lines() {
        match line.rsplit_once(' ') {
            Some((define, value)) if define.starts_with("#define ") && value.starts_with('-') => {
                text.push_str(&format!("{define} ({value})\n"));
            }
            _ => text.push_str(&format!("{line}\n")),
        }
    }
    text
}

fn declarations(path: &str) -> Result<String, Box<dyn Error>> {
    let mut config = cbindgen::Config {
        language: cbindgen::Language::C,
        style: cbindgen::Style::Type,
        documentation_style: cbindgen::DocumentationStyle::C99,
        documentation_length: cbindgen::DocumentationLength::Full,
        usize_is_size_t: true,
        no_includes: true,
        line_length: 120,
        tab_width: 4,
        ..cbindgen::Config::default()
    };
    config.function.sort_by = Some(cbindgen::SortKey::None);
    config.constant.sort_by = Some(cbindgen::SortKey::None);
    config.function.must_use = Some("TP_MUST_USE".into());
    let mut bytes = Vec::new();
    cbindgen::Builder::new().with_config(config).with_src(path).generate()?.write(&mut bytes);
    Ok(String::from_utf8(bytes)?)
}
