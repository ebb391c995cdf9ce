import ACME
import CertctlCrypto
import CertctlIssuing
import CertctlStore
import CertctlSystem
import FoundationEssentials

/// The lineages that a run has to check; the others are known to need nothing.
struct RenewalSurvey: Sendable {
  /// The lineages to check, sorted by name.
  var near: [LineageName] = []
  /// The number of lineages that need nothing.
  var quiet = 0
  /// The earliest renewal of the lineages that need nothing.
  var next: (name: String, date: Date)?

  /// Creates a survey of exactly these lineages.
  init(near: [LineageName]) { self.near = near }

  /// Surveys all lineages.
  ///
  /// - Parameters:
  ///   - context: The context with the lineages.
  ///   - now: The current time.
  /// - Throws: `HostError` if the state directory cannot be read.
  init(_ context: Context, now: Date) async throws {
    let state = context.state
    let lineages = try await state.stamps(of: .lineages)
    let live = try await state.stamps(of: .live)
    // The lineages with an order or challenges of an earlier run.
    let unfinished = try await state.unfinishedNames()
    let known = await ScheduleIndex.read(state, now: now)
    var index = ScheduleIndex(date: now)
    let seconds = Int64(now.timeIntervalSince1970)
    var entries: [LineageName: ScheduleIndex.Entry?] = [:]
    var changed: [LineageName: [Int64]] = [:]
    for (file, stamp) in lineages where file.hasSuffix(".json") && !file.hasPrefix(".") {
      let text = String(file.dropLast(5))
      guard let name = try? LineageName(text) else { continue }
      let files = ScheduleIndex.files(stamp, live[text])
      if let entry = known?.entries[text], entry.files == files {
        entries[name] = entry
      } else {
        entries.updateValue(nil, forKey: name)
        changed[name] = files
      }
    }
    for (name, entry) in try await context.scheduleEntries(of: changed, now: now) {
      entries[name] = entry
    }
    for (name, entry) in entries {
      guard let entry else {
        near.append(name)
        continue
      }
      let text = name.value
      index.entries[text] = entry
      if seconds >= entry.look || unfinished.contains(text) {
        near.append(name)
      } else {
        quiet += 1
        let due = Date(timeIntervalSince1970: Double(entry.due))
        if next.map({ due < $0.date }) ?? true { next = (text, due) }
      }
    }
    // Servers may still use a certificate whose lineage file was lost.
    near += live.keys.filter { lineages["\($0).json"] == nil }
      .compactMap { try? LineageName($0) }
    near.sort { $0.value < $1.value }
    if known == nil || !changed.isEmpty || index.entries.count != known?.entries.count {
      // The index only makes the next run faster, so errors do not matter.
      try? await index.write(state)
    }
  }
}

extension Context {
  /// The number of lineages read at once, limited to save memory.
  private static let batch = 256

  /// Returns the index entries of lineages, without those to check in every run.
  fileprivate func scheduleEntries(
    of files: [LineageName: [Int64]], now: Date
  ) async throws -> [LineageName: ScheduleIndex.Entry] {
    var entries: [LineageName: ScheduleIndex.Entry] = [:]
    let names = Array(files.keys)
    for start in stride(from: 0, to: names.count, by: Self.batch) {
      let batch = names[start..<min(start + Self.batch, names.count)]
      for (name, found) in try await state.inUse(Array(batch)) {
        entries[name] = Self.scheduleEntry(
          of: found.lineage, found.leaves, files: files[name] ?? [], now: now)
      }
    }
    return entries
  }

  /// Returns the index entry of a lineage; nil for one to check in every run.
  private static func scheduleEntry(
    of lineage: Lineage, _ leaves: [Certificate], files: [Int64], now: Date
  ) -> ScheduleIndex.Entry? {
    guard lineage.lastFailure == nil, lineage.candidate == nil, let leaf = leaves.first,
      !leaf.isPlaceholder
    else { return nil }
    let certificate = RenewalCertificate(leaves)
    let decision = RenewalDecision(of: lineage, leaves, now: now)
    guard case .at(let due, _) = decision else { return nil }
    // A renewal that is due before the next run happens in this one.
    let horizon = min(RenewalDecision.timerInterval, certificate.lifetime / 10)
    var look = due.addingTimeInterval(-horizon)
    if CertificateID(leaf) != nil {
      guard let state = lineage.schedule?.about(certificate.fingerprint),
        !state.asksRenewalInfo(for: certificate, now: now), let next = state.look?.next
      else { return nil }
      look = min(look, next)
    }
    let deployment = lineage.deployment ?? Deployment()
    guard deployment.progress(of: certificate.fingerprint) == .deployed else { return nil }
    return ScheduleIndex.Entry(
      files: files, look: Int64(look.timeIntervalSince1970.rounded(.down)),
      due: Int64(due.timeIntervalSince1970))
  }
}
