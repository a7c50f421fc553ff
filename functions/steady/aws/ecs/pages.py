"""How many things one page of an ECS list holds, at most (ListTasks, ListServices, ListContainerInstances)."""

PAGE = 100
