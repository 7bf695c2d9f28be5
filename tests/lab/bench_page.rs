//! The page of what was measured: all of it comes from the run that writes it.

use std::fmt::Write;

use crate::measure::Spread;

/// What was measured of two commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    Time,
    ProcessorTime,
}

/// Ours against another: a limit for how many times as much.
#[derive(Clone, Debug)]
pub struct Ratio {
    pub what: &'static str,
    pub beside: &'static str,
    pub measured: Measured,
    pub limit: f64,
    /// Ours and the other's, in seconds.
    pub pairs: Vec<(f64, f64)>,
}

/// A size with a limit, in MiB.
#[derive(Clone, Debug)]
pub struct Size {
    pub what: &'static str,
    pub limit: f64,
    pub mib: f64,
}

/// All that was measured.
#[derive(Clone, Debug)]
pub struct Bench {
    pub ratios: Vec<Ratio>,
    pub sizes: Vec<Size>,
}

impl Ratio {
    /// Of each pair by itself: what slowed one of them has mostly slowed both.
    fn spread(&self) -> Spread {
        Spread::of(self.pairs.iter().map(|(ours, beside)| ours / beside))
    }

    fn holds(&self, leeway: f64) -> bool {
        let leeway = match self.measured {
            Measured::Time => leeway,
            Measured::ProcessorTime => 1.0,
        };
        self.spread().median <= self.limit * leeway
    }

    fn row(&self) -> String {
        let ours = Spread::of(self.pairs.iter().map(|(ours, _)| *ours));
        let beside = Spread::of(self.pairs.iter().map(|(_, beside)| *beside));
        let ratio = self.spread();
        format!(
            "| {} | {} | {} | {} | {} | {} | **{:.2}** ({:.2} to {:.2}) | {} | {} |\n",
            self.what,
            self.beside,
            match self.measured {
                Measured::Time => "time",
                Measured::ProcessorTime => "processor time",
            },
            self.pairs.len(),
            time(ours),
            time(beside),
            ratio.median,
            ratio.least,
            ratio.most,
            self.limit,
            word(self.holds(1.0)),
        )
    }
}

impl Size {
    fn holds(&self) -> bool {
        self.mib <= self.limit
    }
}

impl Bench {
    /// What is over its limit, which is so many times as high for what was measured in time.
    pub fn missed(&self, leeway: f64) -> Vec<&'static str> {
        let ratios = self.ratios.iter().filter(|r| !r.holds(leeway));
        let ratios = ratios.map(|r| r.what);
        let sizes = self.sizes.iter().filter(|s| !s.holds()).map(|s| s.what);
        ratios.chain(sizes).collect()
    }

    pub fn table(&self) -> String {
        let mut table = String::from(
            "| what | beside it | measured | pairs | ours | the other | ratio | limit | holds |\n|---|---|---|---|---|---|---|---|---|\n",
        );
        table.extend(self.ratios.iter().map(Ratio::row));
        table.push_str("\n| what | MiB | limit | holds |\n|---|---|---|---|\n");
        for size in &self.sizes {
            let holds = word(size.holds());
            let _ = writeln!(
                table,
                "| {} | **{:.2}** | {} | {holds} |",
                size.what, size.mib, size.limit
            );
        }
        table
    }

    pub fn page(&self) -> String {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let machine = format!(
            "{cores} {} cores and {:.0} GiB of memory",
            std::env::consts::ARCH,
            memory_gib()
        );
        include_str!("performance.md")
            .replace("{machine}", &machine)
            .replace("{table}", &self.table())
    }
}

fn memory_gib() -> f64 {
    let text = std::fs::read_to_string("/proc/meminfo").expect("this is Linux");
    let total = text
        .split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<f64>().ok());
    total.expect("it begins with MemTotal") / 1024.0 / 1024.0
}

fn word(holds: bool) -> &'static str {
    if holds { "yes" } else { "**no**" }
}

fn time(spread: Spread) -> String {
    let Spread {
        median,
        least,
        most,
    } = spread;
    if median < 1.0 {
        format!(
            "{:.1} ms ({:.1} to {:.1})",
            median * 1e3,
            least * 1e3,
            most * 1e3
        )
    } else {
        format!("{median:.2} s ({least:.2} to {most:.2})")
    }
}

#[test]
fn what_is_over_its_limit_is_named() {
    let ratio = |what, measured, ours| Ratio {
        what,
        beside: "another",
        measured,
        limit: 1.5,
        // One that was held up does not decide.
        pairs: vec![(ours, 1.0), (ours, 1.0), (90.0, 1.0)],
    };
    let size = |what, mib| Size {
        what,
        limit: 2.0,
        mib,
    };
    let bench = Bench {
        ratios: vec![
            ratio("quick", Measured::Time, 1.4),
            ratio("slow", Measured::Time, 1.6),
            ratio("busy", Measured::ProcessorTime, 1.6),
        ],
        sizes: vec![size("small", 1.9), size("large", 2.1)],
    };
    assert_eq!(bench.missed(1.0), ["slow", "busy", "large"]);
    assert_eq!(bench.missed(2.0), ["busy", "large"]);
    assert_eq!(bench.page().matches("| **no** |").count(), 3);
}
