package import FoundationEssentials

/// The renewal dates that follow from the lifetime of a certificate alone.
package enum RenewalSchedule {
  /// Returns when to renew a certificate if the CA suggests no time.
  ///
  /// That is when a third of its lifetime is left, or half of a lifetime below ten days, as
  /// Let's Encrypt recommends.
  package static func dueDate(notBefore: Date, notAfter: Date) -> Date {
    let lifetime = lifetime(notBefore, notAfter)
    let left = lifetime < 10 * 24 * 3600 ? lifetime / 2 : lifetime / 3
    return notAfter.addingTimeInterval(-left)
  }

  /// Returns the last safe instant: the start of the last quarter of the lifetime.
  ///
  /// Renewals are never scheduled later, even if the CA suggests it.
  package static func lastSafeInstant(notBefore: Date, notAfter: Date) -> Date {
    notAfter.addingTimeInterval(-lifetime(notBefore, notAfter) / 4)
  }

  /// Returns whether the last quarter has begun, when a temporary failure becomes an alarm.
  package static func isUrgent(notBefore: Date, notAfter: Date, now: Date) -> Bool {
    now > lastSafeInstant(notBefore: notBefore, notAfter: notAfter)
  }

  private static func lifetime(_ notBefore: Date, _ notAfter: Date) -> TimeInterval {
    // A certificate that expires before it becomes valid is due when it expires.
    max(0, notAfter.timeIntervalSince(notBefore))
  }
}
