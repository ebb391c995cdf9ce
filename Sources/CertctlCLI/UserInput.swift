import ACME
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlIssuing
import CertctlSystem
import FoundationEssentials

/// Returns the absolute form of a path that the user typed.
///
/// Stored paths must be absolute, because the timer runs in another directory.
func absolutePath(_ path: String) -> String {
  guard !path.hasPrefix("/") else { return path }
  let here = FileManager.default.currentDirectoryPath
  var relative = Substring(path)
  while relative.hasPrefix("./") { relative = relative.dropFirst(2) }
  if relative.isEmpty || relative == "." { return here }
  return here == "/" ? "/\(relative)" : "\(here)/\(relative)"
}

/// A file named on the command line, which certctl reads once.
enum UserFile {
  /// Returns whether a path is a file descriptor of the user's shell, such as `<(command)`.
  static func isHandedOver(_ path: String) -> Bool {
    path == "/dev/stdin" || path.hasPrefix("/dev/fd/") || path.hasPrefix("/proc/self/fd/")
  }

  /// Returns the bytes of a file.
  ///
  /// - Parameters:
  ///   - path: Its absolute path.
  ///   - kind: The words for the file in the error, such as `CSR`.
  ///   - hint: The hint of the error.
  /// - Returns: The bytes.
  /// - Throws: `CertctlError` with code `usage` and the cause.
  static func read(_ path: String, as kind: String, hint: String) throws -> [UInt8] {
    var cause = "no such file"
    if isHandedOver(path) {
      if let bytes = FileManager.default.contents(atPath: path) { return [UInt8](bytes) }
    } else {
      let (folder, name) = DurableFolder.folderAndName(of: path)
      do throws(HostError) {
        if let bytes = try folder.read(name) { return bytes }
      } catch {
        cause = error.detail ?? error.description
      }
    }
    throw CertctlError(.usage, "cannot read the \(kind) \(path): \(cause)", hint: hint)
  }
}

/// Returns the certificate request in a file.
func readRequest(_ file: String) throws -> UserCSR {
  let path = absolutePath(file)
  let contents = try UserFile.read(
    path, as: "CSR", hint: "set --csr to a readable PEM or DER file")
  return try UserCSR(contents: contents, of: path)
}

extension RegistrationOptions {
  /// Returns the registration that these options describe.
  func registration(_ output: Output) throws -> Registration {
    let terms: Registration.Terms =
      if self.agreesToTerms == true {
        .agreed
      } else if output.canAsk {
        .ask { url in
          output.note(lines: ["", "Terms of service of the CA: \(url)"])
          return await output.ask("Do you agree to them?")
        }
      } else {
        .notAgreed
      }
    return Registration(
      emails: self.emails ?? [], terms: terms, externalAccount: try externalAccount())
  }

  private func externalAccount() throws -> ExternalAccount? {
    guard let externalKeyID = self.externalKeyID, let externalKeyFile = self.externalKeyFile else {
      return nil
    }
    let path = absolutePath(externalKeyFile)
    let contents = try UserFile.read(
      path, as: "key file", hint: "set --eab-hmac-key-file to a readable file")
    do throws(ACMEError) {
      return try ExternalAccount(
        keyID: externalKeyID, encodedKey: String(decoding: contents, as: UTF8.self))
    } catch {
      throw CertctlError(
        .usage, "cannot use the key file \(path): it is neither base64url nor base64",
        hint: "copy the HMAC key into the file exactly as the CA shows it")
    }
  }
}
