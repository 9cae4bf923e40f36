/// A dictionary that knows which of its keys was used least recently; every operation costs the same, however many there are.
///
/// The values lie in one array; each place knows its neighbours in the order of use. Places of removed keys are used again.
package struct RecencyTable<Key: Hashable, Value> {
    private struct Place {
        var key: Key?
        var value: Value?
        var older = -1
        var younger = -1
    }

    private var places: [Place] = []
    private var indices: [Key: Int] = [:]
    private var free: [Int] = []
    private var oldest = -1
    private var youngest = -1

    package init() {}

    package var count: Int { indices.count }

    /// The value of a key, which is the most recently used one then.
    package mutating func use(_ key: Key) -> Value? {
        guard let index = indices[key] else { return nil }
        if index != youngest {
            unlink(index)
            link(index)
        }
        return places[index].value
    }

    /// Gives a key a value, and makes it the most recently used one.
    /// - Returns: the value that it had.
    @discardableResult
    package mutating func set(_ key: Key, _ value: Value) -> Value? {
        if let old = use(key) {
            places[youngest].value = value
            return old
        }
        let index = free.popLast() ?? places.endIndex
        if index == places.endIndex { places.append(Place()) }
        places[index].key = key
        places[index].value = value
        indices[key] = index
        link(index)
        return nil
    }

    /// Removes a key.
    /// - Returns: the value that it had.
    @discardableResult
    package mutating func remove(_ key: Key) -> Value? {
        guard let index = indices.removeValue(forKey: key) else { return nil }
        unlink(index)
        let value = places[index].value
        places[index] = Place()
        free.append(index)
        return value
    }

    /// Removes the least recently used key.
    package mutating func removeOldest() -> (key: Key, value: Value)? {
        guard oldest >= 0, let key = places[oldest].key, let value = remove(key) else { return nil }
        return (key, value)
    }

    private mutating func link(_ index: Int) {
        places[index].older = youngest
        places[index].younger = -1
        if youngest >= 0 { places[youngest].younger = index } else { oldest = index }
        youngest = index
    }

    private mutating func unlink(_ index: Int) {
        let (older, younger) = (places[index].older, places[index].younger)
        if older >= 0 { places[older].younger = younger } else { oldest = younger }
        if younger >= 0 { places[younger].older = older } else { youngest = older }
    }
}
