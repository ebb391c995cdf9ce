/// Reads Link headers (RFC 8288) for the two relations that ACME uses: `alternate` and
/// `terms-of-service`.
enum LinkHeader {
  /// The maximum number of links from one response.
  static let limit = 32

  /// Returns the unresolved targets of all links with a relation, in order.
  static func targets(relation: String, in headers: [String]) -> [String] {
    var found: [String] = []
    for header in headers {
      for link in parse(header) where link.relations.contains(relation.lowercased()) {
        if found.count < limit { found.append(link.target) }
      }
    }
    return found
  }

  private struct Link {
    var target: String
    var relations: [String]
  }

  private static func parse(_ header: String) -> [Link] {
    var links: [Link] = []
    var rest = Substring(header)
    while let open = rest.firstIndex(of: "<"), let close = rest[open...].firstIndex(of: ">") {
      let target = String(rest[rest.index(after: open)..<close])
      rest = rest[rest.index(after: close)...]
      let parameters = takeParameters(&rest)
      let value = parameters.first { $0.name == "rel" }?.value ?? ""
      links.append(
        Link(
          target: target.trimmed,
          relations: value.lowercased().split(separator: " ").map(String.init)))
    }
    return links
  }

  /// Reads `; name=value; name="value"` up to the comma at the end of the link.
  private static func takeParameters(_ rest: inout Substring) -> [(name: String, value: String)] {
    var parameters: [(name: String, value: String)] = []
    var name = ""
    var value: String?
    var quoted = false
    func finish() -> (name: String, value: String) {
      (name.trimmed.lowercased(), (value ?? "").trimmed)
    }
    while let character = rest.first {
      rest.removeFirst()
      if quoted {
        if character == "\"" {
          quoted = false
        } else if character == "\\", let next = rest.first {
          rest.removeFirst()
          value?.append(next)
        } else {
          value?.append(character)
        }
        continue
      }
      switch character {
      case "\"": quoted = value != nil
      case ",", ";":
        parameters.append(finish())
        name = ""
        value = nil
        if character == "," { return parameters }
      case "=" where value == nil: value = ""
      default: if value == nil { name.append(character) } else { value?.append(character) }
      }
    }
    parameters.append(finish())
    return parameters
  }
}
