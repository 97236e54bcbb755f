//! run
use crate::Ending;
/// x
pub fn run(_: &parshall_config::plan::RunPlan) -> Ending {
    Ending::Failed
}
