import Wire

/// What a client asks for (GraphQL over HTTP, 5.1).
public struct GraphQLRequest: Sendable {
    public let document: String
    /// Which of several operations; nil for the only one.
    public let operationName: String?
    public let variables: JSONObject

    public init(document: String, operationName: String? = nil, variables: JSONObject = JSONObject(members: [])) {
        (self.document, self.operationName, self.variables) = (document, operationName, variables)
    }
}

/// An operation that is found to be in order and may be executed.
public struct PreparedOperation: Sendable {
    let plan: Plan
    public var kind: OperationKind { plan.kind }
    public var weight: OperationWeight { plan.weight }
    /// How many fields the root has.
    public var rootFields: Int { plan.fields.count }
}

/// What comes of an operation. It was executed, whatever went wrong in it.
public struct GraphQLAnswer: Sendable {
    public let data: JSONValue
    public let errors: [GraphQLError]
    public let weight: OperationWeight
}

/// Answers GraphQL requests (specification of October 2021) for one schema, within limits.
public struct GraphQLEngine: Sendable {
    public let schema: Schema
    public let limits: GraphQLLimits

    public init(schema: Schema, limits: GraphQLLimits = GraphQLLimits()) { (self.schema, self.limits) = (schema, limits) }

    /// Parses a request, checks it, and weighs it.
    /// - Throws: ``GraphQLRefusal`` for what cannot be executed; then nothing was.
    public func prepare(_ request: GraphQLRequest) throws(GraphQLRefusal) -> PreparedOperation {
        do {
            let document = try Parser.parse(request.document, limits)
            let errors = Validator.errors(in: document, schema, limits)
            guard errors.isEmpty else { throw GraphQLRefusal(errors) }
            let operation = try GraphQLEngine.choose(request.operationName, of: document)
            var selections = 0
            for other in document.operations where other.location != operation.location {
                try Planner.check(other, of: document, schema, limits, selections: &selections)
            }
            let coercion = try Coercion(operation, request.variables, schema)
            return PreparedOperation(plan: try Planner.plan(operation, of: document, schema, limits, coercion, selections: selections))
        } catch let refusal as GraphQLRefusal {
            throw refusal
        } catch let error as GraphQLError {
            throw GraphQLRefusal([error])
        } catch {
            throw GraphQLRefusal([GraphQLError("Something went wrong here.", code: "internal-error")])
        }
    }

    /// Executes an operation.
    public func execute(_ operation: PreparedOperation, _ source: any GraphQLSource) async -> GraphQLAnswer {
        let (data, errors) = await Executor.run(operation.plan, schema, source, limits)
        return GraphQLAnswer(data: data, errors: errors, weight: operation.weight)
    }

    private static func choose(_ name: String?, of document: Document) throws(GraphQLError) -> OperationNode {
        if let name {
            guard let operation = document.operations.first(where: { $0.name == name }) else {
                throw GraphQLError("There is no operation \"\(name.prefix(64))\" in the document.", code: "unknown-operation")
            }
            return operation
        }
        guard let first = document.operations.first else { throw GraphQLError("The document has no operation.", code: "unknown-operation") }
        guard document.operations.count == 1 else {
            throw GraphQLError("The document has several operations: name one as \"operationName\".", code: "unknown-operation")
        }
        return first
    }
}
