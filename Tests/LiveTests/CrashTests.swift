import Testing

/// certctl when it is killed or interrupted, or finds the disk full, damaged or unreadable.
///
/// The suites run one after another, because each uses all cores.
@Suite(.serialized) enum CrashTests {}
