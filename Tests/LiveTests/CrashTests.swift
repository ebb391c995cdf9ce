import Testing

/// What is left when certctl is killed, interrupted, or finds the disk full, damaged or closed.
///
/// One suite after another: each uses all cores by itself.
@Suite(.serialized) enum CrashTests {}
