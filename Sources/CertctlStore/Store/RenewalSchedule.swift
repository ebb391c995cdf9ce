package import FoundationEssentials

/// What the dates of a certificate alone say about its renewal.
package enum RenewalSchedule {
  /// The instant from which a certificate should be renewed, where the CA suggests none.
  ///
  /// When a third of its lifetime is left; half, if it lives less than ten days: the practice
  /// that Let's Encrypt asks clients to follow.
  package static func dueDate(notBefore: Date, notAfter: Date) -> Date {
    let lifetime = lifetime(notBefore, notAfter)
    let left = lifetime < 10 * 24 * 3600 ? lifetime / 2 : lifetime / 3
    return notAfter.addingTimeInterval(-left)
  }

  /// The last safe instant: the start of the last quarter of the lifetime.
  ///
  /// Nothing that a CA suggests and nothing that we choose puts a renewal off beyond it.
  package static func lastSafeInstant(notBefore: Date, notAfter: Date) -> Date {
    notAfter.addingTimeInterval(-lifetime(notBefore, notAfter) / 4)
  }

  /// Whether the last quarter of the lifetime has begun, when "try later" becomes an alarm.
  package static func isUrgent(notBefore: Date, notAfter: Date, now: Date) -> Bool {
    now > lastSafeInstant(notBefore: notBefore, notAfter: notAfter)
  }

  private static func lifetime(_ notBefore: Date, _ notAfter: Date) -> TimeInterval {
    // A certificate that ends before it begins is wrong, and due at its end.
    max(0, notAfter.timeIntervalSince(notBefore))
  }
}
