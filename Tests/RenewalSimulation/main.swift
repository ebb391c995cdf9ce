// Simulates two years of renewals of 100,000 certificates with a virtual clock:
//   swift run -c release RenewalSimulation [CERTIFICATES [DAYS [SEED [RUNS-PER-DAY]]]]
// Exits with 1 if a certificate expired that could have been renewed, or if a limit of the CA or
// a promise was broken.
import Glibc

var options = SimulationOptions()
let words = CommandLine.arguments.dropFirst()
let numbers = words.compactMap(Double.init).filter { $0 >= 1 }
guard numbers.count == words.count, numbers.count <= 4 else {
  print("usage: RenewalSimulation [CERTIFICATES [DAYS [SEED [RUNS-PER-DAY]]]]")
  exit(64)
}
if !numbers.isEmpty { options.certificates = Int(numbers[0]) }
if numbers.count > 1 { options.days = numbers[1] }
if numbers.count > 2 { options.seed = UInt64(numbers[2]) }
if numbers.count > 3 { options.runsPerDay = numbers[3] }

let clock = ContinuousClock()
var simulation = Simulation(options)
var figures: SimulationFigures?
let time = clock.measure { figures = simulation.run() }
print(
  "\(options.certificates) certificates, \(Int(options.days)) days, seed \(options.seed), "
    + "\(options.runsPerDay) runs a day: simulated in \(time)")
for line in figures?.lines ?? [] { print(line) }
let isGood = figures?.isGood ?? false
print(isGood ? "good" : "NOT good")
exit(isGood ? 0 : 1)
