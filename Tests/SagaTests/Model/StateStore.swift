/// The states that an exploration has met, numbered in the order in which they were met, with the step by which each was met first.
///
/// Plain memory: tests are compiled without optimisation, where this is an order of magnitude faster than a dictionary.
final class StateStore {
    private(set) var count = 0
    private var capacity = 1 << 12
    private var keys: UnsafeMutablePointer<UInt64>
    private var parents: UnsafeMutablePointer<UInt32>
    private var moves: UnsafeMutablePointer<UInt16>
    private var slots: UnsafeMutablePointer<UInt32>

    init() {
        keys = .allocate(capacity: capacity)
        parents = .allocate(capacity: capacity)
        moves = .allocate(capacity: capacity)
        slots = .allocate(capacity: capacity * 2)
        slots.initialize(repeating: .max, count: capacity * 2)
    }

    deinit {
        keys.deallocate()
        parents.deallocate()
        moves.deallocate()
        slots.deallocate()
    }

    func key(_ number: Int) -> UInt64 { keys[number] }
    /// The state from which a state was met first; itself for the first of all.
    func parent(_ number: Int) -> Int { Int(parents[number]) }
    /// The step by which a state was met first.
    func move(_ number: Int) -> UInt16 { moves[number] }

    /// The number of a state; nil for one that was not met.
    func number(of key: UInt64) -> Int? {
        let number = slots[slot(of: key)]
        return number == .max ? nil : Int(number)
    }

    /// Adds a state unless it is known; whether it is new.
    func add(_ key: UInt64, from parent: Int, by move: UInt16) -> Bool {
        let slot = slot(of: key)
        if slots[slot] != .max { return false }
        slots[slot] = UInt32(count)
        keys[count] = key
        parents[count] = UInt32(parent)
        moves[count] = move
        count += 1
        if count == capacity { grow() }
        return true
    }

    private func slot(of key: UInt64) -> Int {
        let mask = capacity * 2 - 1
        let mixed = (key ^ (key >> 29)) &* 0x9E37_79B9_7F4A_7C15
        var slot = Int(truncatingIfNeeded: mixed >> 20) & mask
        while slots[slot] != .max, keys[Int(slots[slot])] != key { slot = (slot + 1) & mask }
        return slot
    }

    private func grow() {
        func doubled<Element>(_ old: UnsafeMutablePointer<Element>) -> UnsafeMutablePointer<Element> {
            let new = UnsafeMutablePointer<Element>.allocate(capacity: capacity * 2)
            new.moveInitialize(from: old, count: count)
            old.deallocate()
            return new
        }
        (keys, parents, moves) = (doubled(keys), doubled(parents), doubled(moves))
        capacity *= 2
        slots.deallocate()
        slots = .allocate(capacity: capacity * 2)
        slots.initialize(repeating: .max, count: capacity * 2)
        for number in 0..<count { slots[slot(of: keys[number])] = UInt32(number) }
    }
}
