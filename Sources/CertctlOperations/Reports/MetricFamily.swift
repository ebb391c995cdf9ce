package import FoundationEssentials

/// All samples of one metric, in the text format of Prometheus (version 0.0.4).
///
/// No sample has a time: node_exporter refuses a file in which one has.
package struct MetricFamily: Sendable {
  /// A number, and what it is about.
  package struct Sample: Sendable {
    /// Names and values of labels; the names are ours, the values anything.
    package var labels: [(name: String, value: String)]
    /// The number.
    package var value: Double
  }

  /// The metric's name: letters, digits and underscores.
  package let name: String
  /// What it says, on one line.
  package let help: String
  /// The samples; each has labels of its own.
  package var samples: [Sample] = []

  /// A family that is still empty.
  package init(_ name: String, _ help: String) {
    self.name = name
    self.help = help
  }

  /// Adds a sample; a value that is not known adds none.
  package mutating func add(_ value: Double?, _ labels: [(name: String, value: String)] = []) {
    guard let value else { return }
    samples.append(Sample(labels: labels, value: value))
  }

  /// Adds the seconds since 1970 of an instant.
  package mutating func add(_ instant: Date?, _ labels: [(name: String, value: String)]) {
    add(instant?.timeIntervalSince1970, labels)
  }

  /// Adds a sample for each state that there is: 1 for the one that holds, 0 for the others, so
  /// that no series ends when a state does.
  package mutating func add(
    _ current: String, of all: [String], _ labels: [(name: String, value: String)]
  ) {
    for state in all { add(state == current ? 1 : 0, labels + [("state", state)]) }
  }

  /// The family in the text format; nothing when it has no sample.
  ///
  /// All are gauges: what counts up between restarts would be a counter, and a file has no restart.
  package var text: String {
    guard !samples.isEmpty else { return "" }
    let lines = samples.map { sample in
      let labels = sample.labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }
      return name + (labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}")
        + " \(Self.number(sample.value))\n"
    }
    return "# HELP \(name) \(help)\n# TYPE \(name) gauge\n" + lines.joined()
  }

  /// A label's value between its quotes.
  static func escaped(_ value: String) -> String {
    guard value.utf8.contains(where: { $0 == 0x5C || $0 == 0x22 || $0 == 0x0A }) else {
      return value
    }
    // By scalars: "\r\n" is one character, and has a line break that ends the sample.
    return value.unicodeScalars.map { scalar in
      switch scalar {
      case "\\": "\\\\"
      case "\"": "\\\""
      case "\n": "\\n"
      default: String(scalar)
      }
    }
    .joined()
  }

  /// A number as Go reads it; whole ones without a fraction.
  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return Int64(exactly: value).map(String.init) ?? "\(value)"
  }
}
