import RenewalSimulation
import Testing

struct RenewalSimulationTests {
  @Test func `a simulation of a thousand certificates over half a year succeeds`() {
    var simulation = Simulation(SimulationOptions(certificates: 1000, days: 182, seed: 42))
    let figures = simulation.run()
    let text = figures.lines.joined(separator: "\n")
    #expect(figures.isGood, "seed 42: \(text)")
    #expect(figures.total > 2000, "seed 42: \(text)")
    #expect(figures.affected > 100, "seed 42: \(text)")
    #expect(figures.renewals["first certificate", default: 0] > 0, "seed 42: \(text)")
  }
}
